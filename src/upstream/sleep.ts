import { onAbort } from './on_abort.ts'

/** Milliseconds that a timer can hold, 24 days; it would take more for nothing. */
export const LONGEST_TIMER = 2 ** 31 - 1

/** Waits, at most 24 days; ends early where the signal is aborted. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal?.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      forget()
      resolve()
    }
    const timer = setTimeout(done, Math.min(milliseconds, LONGEST_TIMER))
    const forget = onAbort(signal, done)
  })
}
