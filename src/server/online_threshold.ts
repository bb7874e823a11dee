import { createSortedWindow } from '../math/sorted_window.ts'

/** A threshold that follows the traffic, so that a share of it goes to strong. */
export interface OnlineThreshold {
  /** Strong iff winRate >= value. */
  value(): number
  see(winRate: number): void
}

/** Win rates of the latest requests that the threshold is a quantile of. */
const WINDOW = 2000
/** Before anything is known of the traffic: strong and weak are as good. */
const NEUTRAL = 0.5
/** The start counts as this many requests, so that the first few do not throw the threshold about. */
const PRIOR = 50

/**
 * Keeps the (1 − share) quantile of the win rates of a sliding window, exactly; the window begins with `start`, which fades out
 * as requests come in. Without a start the first request is decided at 0.5, and each later one by those before it. After a shift of traffic the window holds nothing else within as many requests as it has places.
 */
export function createOnlineThreshold(share: number, start?: number): OnlineThreshold {
  const window = createSortedWindow(WINDOW)
  if (start !== undefined) for (let i = 0; i < PRIOR; i++) window.add(start)
  return {
    value() {
      if (share <= 0) return Number.POSITIVE_INFINITY
      if (share >= 1) return 0
      const quantile = window.at(1 - share)
      return Number.isNaN(quantile) ? NEUTRAL : quantile
    },
    see: window.add,
  }
}
