import { onAbort } from './on_abort.ts'

/** What a timer can hold; it would take more for nothing. */
const LONGEST = 2 ** 31 - 1

/** Waits, at most 24 days; ends early where the signal is aborted. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal?.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      forget()
      resolve()
    }
    const timer = setTimeout(done, Math.min(milliseconds, LONGEST))
    const forget = onAbort(signal, done)
  })
}
