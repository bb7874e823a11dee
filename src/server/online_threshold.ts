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
  const window: number[] = new Array(PRIOR).fill(start)
  const ordered = [...window]
  let next = 0
  const placeOf = (value: number) => {
    let [low, high] = [0, ordered.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (ordered[middle]! < value) low = middle + 1
      else high = middle
    }
    return low
  }
  return {
    value() {
      if (share <= 0) return Number.POSITIVE_INFINITY
      if (share >= 1) return 0
      const position = (1 - share) * (ordered.length - 1)
      const below = ordered[Math.floor(position)]!
      return below + (ordered[Math.ceil(position)]! - below) * (position - Math.floor(position))
    },
    see(winRate) {
      if (window.length < WINDOW) window.push(winRate)
      else {
        ordered.splice(placeOf(window[next]!), 1)
        window[next] = winRate
        next = (next + 1) % WINDOW
      }
      ordered.splice(placeOf(winRate), 0, winRate)
    },
  }
}
