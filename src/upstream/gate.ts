import { onAbort } from './on_abort.ts'

/** Keeps requests to so many at a time and so many a second, in the order they come. */
export interface Gate {
  /** Takes a place, where one is free. */
  tryEnter(): boolean
  /**
   * Resolves when it has taken one.
   * @throws the reason of the signal.
   */
  enter(signal?: AbortSignal): Promise<void>
  /** To be called once for each place taken. */
  leave(): void
  /** Whether so many a second may go out. */
  readonly isPaced: boolean
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
  const tryEnter = () => {
    const isFree = running < maxConcurrency
    if (isFree) running++
    return isFree
  }
  const isPaced = rateLimit !== Number.POSITIVE_INFINITY
  return {
    isPaced,
    tryEnter,
    async enter(signal) {
      signal?.throwIfAborted()
      if (tryEnter()) return
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
    },
    leave() {
      // The place goes straight to the next in line: nobody can slip in between.
      const [next] = waiting
      if (!next) {
        running--
        return
      }
      waiting.delete(next)
      next()
    },
    pace(signal) {
      if (!isPaced) return undefined
      const time = now()
      const mine = Math.max(time, nextAt)
      nextAt = mine + 1000 / rateLimit
      return mine > time ? sleep(mine - time, signal) : undefined
    },
  }
}
