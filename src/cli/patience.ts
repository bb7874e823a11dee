import { CallError } from '../upstream/upstream_types.ts'

/** Calls that failed for good, one after another, from which on nothing is waited for. */
const HOPELESS = 20
/** Milliseconds that one call waits at most: for an endpoint that has answered, and for one that never has and may not exist. */
const MOST = 120_000
const MOST_AT_FIRST = 10_000
/** Between two looks at the signal, in milliseconds. */
const LOOK = 250

/**
 * Lets a call wait for an outage to pass, so that rows of a batch do not fail by the thousand while a breaker is open: it is
 * tried again when the error says that it makes sense. Key or account refused, and many failures in a row, are no outage.
 * @param signal once it is aborted, nothing is waited for.
 */
export function createPatience(
  signal: AbortSignal,
  sleep: (milliseconds: number) => Promise<void> = milliseconds =>
    new Promise(resolve => setTimeout(resolve, milliseconds)),
  now: () => number = Date.now,
): <T>(call: () => Promise<T>) => Promise<T> {
  let failures = 0
  let hasAnswered = false
  return async call => {
    const started = now()
    for (;;) {
      try {
        const value = await call()
        failures = 0
        hasAnswered = true
        return value
      } catch (error) {
        const at = error instanceof CallError && !error.isAccountRefused ? error.retryAt : undefined
        const deadline = started + (hasAnswered ? MOST : MOST_AT_FIRST)
        const mayWait = at !== undefined && at <= deadline && failures < HOPELESS
        while (mayWait && now() < at && !signal.aborted) await sleep(Math.min(LOOK, at - now()))
        if (mayWait && !signal.aborted) continue
        failures++
        throw error
      }
    }
  }
}
