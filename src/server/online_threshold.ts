import { createSortedWindow } from '../math/sorted_window.ts'

/** A threshold that follows the traffic, so that a share of it goes to strong. */
export interface OnlineThreshold {
  /** Strong iff winRate >= value. */
  value(): number
  see(winRate: number): void
}

/** Win rates of the latest requests that the threshold is a quantile of. */
const WINDOW = 2000
/** The start counts as this many requests, so that the first few do not throw the threshold about. */
const PRIOR = 50

/**
 * Keeps the (1 − share) quantile of the win rates of a sliding window, exactly; the window begins with `start`, which fades out
 * as requests come in. After a shift of traffic the window holds nothing else within as many requests as it has places.
 */
export function createOnlineThreshold(share: number, start: number): OnlineThreshold {
  const window = createSortedWindow(WINDOW)
  for (let i = 0; i < PRIOR; i++) window.add(start)
  return {
    value() {
      if (share <= 0) return Number.POSITIVE_INFINITY
      return share >= 1 ? 0 : window.at(1 - share)
    },
    see: window.add,
  }
}
