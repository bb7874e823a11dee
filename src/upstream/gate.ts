import type { CallSettings } from '../call_types.ts'
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
  /** Whether only so many a second may go out. */
  readonly isPaced: boolean
  /** Takes the time at which the next request may go out, and gives the milliseconds until then. */
  pace(): number
  /**
   * Other limits from now on, also for those that wait for a place. Whoever has been given a time keeps it; where more a second may
   * go out, those to come wait as if it had been so before.
   */
  adjust(limits: GateLimits): void
}

/** Requests at a time, and a second. Default: no limit. */
export type GateLimits = Pick<CallSettings, 'maxConcurrency' | 'rateLimit'>

/** The time that `rateLimit` gives a request stays free where it is not used; nothing is saved up for a burst. */
export function createGate(limits: GateLimits, now: () => number): Gate {
  let { maxConcurrency = Number.POSITIVE_INFINITY, rateLimit = Number.POSITIVE_INFINITY } = limits
  let running = 0
  const waiting = new Set<() => void>()
  let nextAt = Number.NEGATIVE_INFINITY
  const tryEnter = () => {
    const isFree = running < maxConcurrency
    if (isFree) running++
    return isFree
  }
  /** A place goes straight to the next in line: nobody can slip in between. */
  const letIn = (next: () => void) => {
    waiting.delete(next)
    next()
  }
  return {
    get isPaced() {
      return rateLimit !== Number.POSITIVE_INFINITY
    },
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
      const [next] = waiting
      if (next && running <= maxConcurrency) letIn(next)
      else running--
    },
    pace() {
      const time = now()
      const mine = Math.max(time, nextAt)
      nextAt = mine + 1000 / rateLimit
      return mine - time
    },
    adjust(next) {
      const earlier = rateLimit
      ;({ maxConcurrency = Number.POSITIVE_INFINITY, rateLimit = Number.POSITIVE_INFINITY } = next)
      const time = now()
      if (rateLimit > earlier && nextAt > time) nextAt = time + ((nextAt - time) * earlier) / rateLimit
      for (const waiter of waiting) {
        if (!tryEnter()) return
        letIn(waiter)
      }
    },
  }
}
