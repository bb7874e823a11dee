import { printable } from '../registry.ts'
import type { PoolStatistics } from '../types.ts'
import { CallError } from '../upstream/upstream_types.ts'

/** Calls of one model that failed for good, one after another, from which on it is not waited for. */
const HOPELESS = 20
/** Milliseconds that one call waits at most: for a model that has answered, and for one that never has and may not exist. */
const MOST = 120_000
const MOST_AT_FIRST = 10_000
/** Between two looks at the signal, in milliseconds. */
const LOOK = 250

/** What a command says the first time that it waits for a model. */
export function waitNote(model: string): string {
  return `${printable(model)} is down: calls that no other model can take wait for it, each 2 minutes at most.\n`
}

/** What waiting looks at and tells. */
export interface PatienceParts {
  readonly statistics: PoolStatistics
  /** Once it is aborted, nothing is waited for. */
  readonly signal: AbortSignal
  /** Told the first time that a model is waited for. */
  onWait(model: string): void
  readonly sleep?: (milliseconds: number) => Promise<void>
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/**
 * Makes a call, and again where it failed and waiting makes sense.
 * @param model that is to answer first.
 * @param isElsewhere whether another could answer now, so that waiting would be for nothing.
 */
export type Patience = <T>(model: string, call: () => Promise<T>, isElsewhere?: () => Promise<boolean>) => Promise<T>

/**
 * Lets a call wait for an outage to pass, so that rows of a batch do not fail by the thousand while a breaker is open: it is
 * tried again when the error says that it makes sense. Key or account refused, and many failures in a row, are no outage.
 */
export function createPatience({
  statistics,
  signal,
  onWait,
  sleep = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds)),
  now = Date.now,
}: PatienceParts): Patience {
  const failures = new Map<string, number>()
  const waitedFor = new Set<string>()
  return async (model, call, isElsewhere = async () => false) => {
    const started = now()
    for (;;) {
      try {
        const value = await call()
        failures.delete(model)
        return value
      } catch (error) {
        const at = error instanceof CallError && !error.isAccountRefused ? error.retryAt : undefined
        const deadline = started + (hasAnswered(model) ? MOST : MOST_AT_FIRST)
        const inARow = failures.get(model) ?? 0
        const mayWait = at !== undefined && at <= deadline && inARow < HOPELESS && !(await isElsewhere())
        if (mayWait && !waitedFor.has(model)) {
          waitedFor.add(model)
          onWait(model)
        }
        while (mayWait && now() < at && !signal.aborted) await sleep(Math.min(LOOK, at - now()))
        if (mayWait && !signal.aborted) continue
        failures.set(model, inARow + 1)
        throw error
      }
    }
  }

  function hasAnswered(model: string): boolean {
    const { requests, errors } = statistics.of(model)
    return requests > errors
  }
}
