import { type LogSettings, logLines, openDecisionLog } from '../io/decision_log.ts'
import type { LoggedAnswer } from '../routing/logged_decision.ts'
import type { Exchange } from '../server/server_types.ts'

/** Adds exchanges to the decision log, without holding up any. */
export interface ServeLog {
  add(exchange: Exchange): void
  /** What comes from now on goes to the file of that name, as after a rotation. */
  lookAgain(): void
  /** Waits for what is not written yet. */
  close(): Promise<void>
}

/** Milliseconds over which lines are gathered for one write. */
const GATHER = 100

/**
 * Opens the decision log of a server; without settings nothing is kept.
 * @param onFailure told once, in a sentence, where lines could not be written: requests go on.
 * @throws DataError where the file cannot be opened.
 */
export async function openServeLog(
  settings: LogSettings | undefined,
  onFailure: (message: string) => void,
): Promise<ServeLog> {
  if (!settings) return { add() {}, lookAgain() {}, async close() {} }
  const log = await openDecisionLog(settings.file, onFailure)
  const waiting: Exchange[] = []
  let timer: NodeJS.Timeout | undefined
  let writing = Promise.resolve()
  const write = async () => {
    const entries = waiting.splice(0).flatMap(exchange => {
      const { id, request, decision } = exchange
      return decision ? [{ id, request, decision, ...answerOf(exchange) }] : []
    })
    if (entries.length > 0) await log.append(await logLines(entries, settings.keepsPrompts))
  }
  return {
    add(exchange) {
      waiting.push(exchange)
      timer ??= setTimeout(() => {
        timer = undefined
        writing = writing.then(write)
      }, GATHER)
    },
    lookAgain: log.lookAgain,
    async close() {
      clearTimeout(timer)
      await writing.then(write)
      await log.close()
    },
  }
}

function answerOf({ model, usage, cost, latency, status }: Exchange): { answer?: LoggedAnswer } {
  if (model === undefined || status >= 300) return {}
  const tokens = usage ? { inputTokens: usage.inputTokens, outputTokens: usage.outputTokens } : {}
  return { answer: { model, ...tokens, ...(cost === undefined ? {} : { cost }), latency } }
}
