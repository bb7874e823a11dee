import { createHash } from 'node:crypto'
import { withInputTokens } from '../policies/input_tokens.ts'
import type { LoggedAnswer, LoggedDecision } from '../routing/logged_decision.ts'
import type { Decision, RouteRequest } from '../types.ts'
import { createAppendedFile } from './appended_file.ts'
import { unwritable } from './file_errors.ts'

/** Where decisions are logged. */
export interface LogSettings {
  readonly file: string
  /** Whether prompts and other fields of the request stand there as text. */
  readonly keepsPrompts: boolean
}

/** A decision to be logged. */
export interface LogEntry {
  readonly id: string
  readonly request: RouteRequest
  readonly decision: Decision
  readonly answer?: LoggedAnswer
}

/** A file to which decisions are added; one that is moved or removed is begun anew under its name, within a second. */
export interface DecisionLog {
  /** Adds whole lines, after those of earlier calls. Never rejects: what goes wrong is told once, and the request goes on. */
  append(lines: string): Promise<void>
  /** The same at once: the next lines go where the name leads by then. */
  lookAgain(): void
  close(): Promise<void>
}

/** What stands for a prompt in a log: the first 32 hexadecimal digits of the SHA-256 of its UTF-8. */
export function loggedHash(prompt: string): string {
  return createHash('sha256').update(prompt).digest('hex').slice(0, 32)
}

/** Entries as lines of a log, each with a newline. */
export async function logLines(entries: readonly LogEntry[], keepsPrompts: boolean, now = Date.now()): Promise<string> {
  const time = new Date(now).toISOString()
  const needs = await withInputTokens(entries.map(({ request }) => request))
  const lines = entries.map(({ id, request, decision, answer }, i) => {
    const { inputTokens, ...others } = needs[i]!
    const { prompt, turns, user, priority, metadata, key } = request
    const { threshold, ...decided } = decision
    const line: LoggedDecision = {
      time,
      id,
      promptHash: loggedHash(prompt),
      ...(keepsPrompts ? { prompt, ...defined({ turns, user, priority, metadata }) } : {}),
      ...(key === undefined ? {} : { key }),
      inputTokens,
      ...(Object.keys(others).length > 0 ? { needs: others } : {}),
      ...decided,
      ...(threshold === undefined ? {} : { threshold: Number.isFinite(threshold) ? threshold : String(threshold) }),
      ...(answer ? { answer } : {}),
    }
    return `${JSON.stringify(line)}\n`
  })
  return lines.join('')
}

/**
 * Opens a log to add to. Several processes may: every append is one write at the end of the file.
 * @param onFailure told once, in a sentence, where a line could not be written.
 * @throws DataError where the file cannot be opened, but for a full disk, where no request may be lost for it.
 */
export async function openDecisionLog(
  file: string,
  onFailure: (message: string) => void,
  now?: () => number,
): Promise<DecisionLog> {
  const appended = createAppendedFile(file, now)
  let last = Promise.resolve()
  let isTold = false
  const tell = (error: unknown) => {
    if (isTold) return
    isTold = true
    const { message } = unwritable(file, error) as Error
    onFailure(`${message} Decisions are made, but not all of them are logged.`)
  }
  await appended.open().catch(error => {
    if (!FULL.includes(error.code)) throw unwritable(file, error)
    tell(error)
  })
  return {
    append(lines) {
      last = last.then(() => appended.append(lines)).catch(tell)
      return last
    },
    lookAgain: appended.lookAgain,
    async close() {
      await last
      // A full disk can show itself here for the first time.
      await appended.close().catch(tell)
    },
  }
}

const FULL = ['ENOSPC', 'EDQUOT']

function defined<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>
}
