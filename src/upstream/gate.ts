import { onAbort } from './on_abort.ts'

/** Keeps requests to so many at a time and so many a second, in the order they come. */
export interface Gate {
  /**
   * Resolves to what must be called, once, when the request is over.
   * @throws the reason of the signal.
   */
  enter(signal?: AbortSignal): Promise<() => void>
  /** Resolves when the next request may go out. */
  pace(signal?: AbortSignal): Promise<void> | undefined
}

/** The time that `rateLimit` gives a request stays free where it is not used; nothing is saved up for a burst. */
export function createGate(
  { maxConcurrency = Number.POSITIVE_INFINITY, rateLimit = Number.POSITIVE_INFINITY },
  now: () => number,
  sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>,
): Gate {
  let running = 0
  const waiting = new Set<() => void>()
  let nextAt = Number.NEGATIVE_INFINITY
  const leave = () => {
    // The place goes straight to the next in line: nobody can slip in between.
    const [next] = waiting
    if (!next) {
      running--
      return
    }
    waiting.delete(next)
    next()
  }
  return {
    async enter(signal) {
      signal?.throwIfAborted()
      if (running < maxConcurrency) running++
      else {
        await new Promise<void>((resolve, reject) => {
          const proceed = () => {
            forget()
            resolve()
          }
          const forget = onAbort(signal, () => {
            waiting.delete(proceed)
            forget()
            reject(signal?.reason)
          })
          waiting.add(proceed)
        })
      }
      let hasLeft = false
      return () => {
        if (!hasLeft) leave()
        hasLeft = true
      }
    },
    pace(signal) {
      if (rateLimit === Number.POSITIVE_INFINITY) return undefined
      const time = now()
      const mine = Math.max(time, nextAt)
      nextAt = mine + 1000 / rateLimit
      return mine > time ? sleep(mine - time, signal) : undefined
    },
  }
}
