import { type DestinationStream, pino } from 'pino'
import type { Exchange, RefusedRequest } from './server_types.ts'

/** Structured lines: one a request, and what happens to the server. Never a key, never a prompt unless asked for. */
export interface ServerLog {
  exchange(exchange: Exchange): void
  /** A request that was turned away; where that is our fault, with the stack. */
  refusal(refused: RefusedRequest): void
  info(event: string, fields?: Readonly<Record<string, unknown>>): void
  warn(event: string, fields?: Readonly<Record<string, unknown>>): void
}

/** Longest piece of text that is logged of a request. */
const LONGEST = 200
/** Of the sentences about what failed, one model after the other, or of a stack. */
const LONGEST_ERROR = 2000

/** Writes JSON lines to `destination`. Text is escaped by JSON, so that no request can write a line of its own. */
export function createServerLog(
  destination: DestinationStream,
  { level, logsPrompts }: { readonly level: string; readonly logsPrompts: boolean },
): ServerLog {
  const log = pino(
    {
      level,
      base: null,
      redact: ['*.authorization', '*.key', 'authorization', 'key'],
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    destination,
  )
  return {
    exchange(exchange) {
      if (!log.isLevelEnabled('warn')) return
      const { id, client, path, asked, decision, model, status, ending, error, attempts, usage, cost, latency } =
        exchange
      const failed = attempts.flatMap(({ model: tried, failure }) =>
        failure === undefined ? [] : [`${tried}: ${failure}`],
      )
      const fields = {
        request: id,
        ...(client.name ? { client: client.name } : {}),
        path,
        asked,
        policy: decision?.policy,
        strategy: decision?.strategy,
        winRate: decision?.winRate,
        threshold: decision?.threshold,
        model,
        status,
        ending,
        ...(failed.length > 0 ? { failed } : {}),
        ...(usage
          ? { inputTokens: usage.inputTokens, outputTokens: usage.outputTokens, isEstimated: usage.isEstimated }
          : {}),
        cost,
        latency: Math.round(latency * 1000) / 1000,
        overhead: exchange.overhead === undefined ? undefined : Math.round(exchange.overhead * 1000) / 1000,
        ...(logsPrompts ? { prompt: exchange.request.prompt.slice(0, LONGEST) } : {}),
        ...(error || ending !== 'whole' ? { error: whatHappened(exchange) } : {}),
      }
      if (ending !== 'whole' && ending !== 'abandoned') log.warn(fields, 'request')
      else log.info(fields, 'request')
    },
    refusal({ id, client, path, error: { status, code, type, detail } }) {
      const fields = { request: id, ...(client?.name ? { client: client.name } : {}), path }
      if (status === 499) {
        log.info({ ...fields, error: 'The client went away before it was decided who answers.' }, 'request')
        return
      }
      log.warn({ ...fields, status, code: code ?? type, error: detail?.slice(0, LONGEST_ERROR) }, 'refused')
    },
    info: (event, fields = {}) => log.info(fields, event),
    warn: (event, fields = {}) => log.warn(fields, event),
  }
}

/** Of an answer that is not whole: an error, or how a stream that had begun ended. */
function whatHappened({ error, ending }: Exchange): string {
  if (ending === 'abandoned') return 'The client went away before its answer was complete.'
  if (error) return (error.detail ?? error.message).slice(0, LONGEST_ERROR)
  return ending === 'cut'
    ? 'The model broke off before its answer was complete.'
    : 'The server stopped before the answer was complete.'
}
