import { createSortedWindow } from '../math/sorted_window.ts'

/** Where strong begins, such that a share of the traffic goes there. */
export interface ThresholdPoint {
  /** Strong iff winRate >= threshold, but for ties. */
  readonly threshold: number
  /** Of the win rates that are equal to the threshold, the share that goes to strong, 0..1. */
  readonly tiedShare: number
}

/** A threshold that follows the traffic, so that a share of it goes to strong. */
export interface OnlineThreshold {
  point(): ThresholdPoint
  see(winRate: number): void
}

/** What `threshold: auto` holds. */
export interface Followed {
  /** Meant for strong, 0..1. */
  readonly share: number
  /** The threshold that gave it on other prompts. */
  readonly start?: number
  /** Whose win rates they are. */
  readonly strategyId: string
}

/** Win rates of the latest requests that the threshold is a quantile of. */
const WINDOW = 2000
/** Before anything is known of the traffic: strong and weak are as good. */
const NEUTRAL = 0.5
/** The start counts as this many requests, so that the first few do not throw the threshold about; each that comes takes the place of one. */
const PRIOR = 50

/**
 * Keeps the (1 − share) quantile of the win rates of a sliding window, exactly; the window begins with `start`, which fades out
 * as requests come in. Without a start the first request is decided at 0.5, and each later one by those before it. After a shift of
 * traffic the window holds nothing else within as many requests as it has places. Where many win rates lie on the quantile, it says how
 * many of them are left for strong after those above.
 */
export function createOnlineThreshold(share: number, start?: number): OnlineThreshold {
  const window = createSortedWindow(WINDOW)
  let made = start === undefined ? 0 : PRIOR
  for (let i = 0; i < made; i++) window.add(start!)
  return {
    point() {
      if (share <= 0) return { threshold: Number.POSITIVE_INFINITY, tiedShare: 0 }
      if (share >= 1) return { threshold: 0, tiedShare: 1 }
      const threshold = window.at(1 - share)
      if (Number.isNaN(threshold)) return { threshold: NEUTRAL, tiedShare: 1 }
      const above = window.count() - window.below(beyond(threshold))
      const tied = window.count() - window.below(threshold) - above
      const left = share * window.count() - above
      return { threshold, tiedShare: tied === 0 ? 1 : Math.min(1, Math.max(0, left / tied)) }
    },
    see(winRate) {
      if (made > 0) {
        made--
        window.dropOldest()
      }
      window.add(winRate)
    },
  }
}

/** One that is begun anew where something else is to be held; `follow` says whether that is so. Until then it holds one half. */
export function createFollowedThreshold(): OnlineThreshold & { follow(next: Followed | undefined): boolean } {
  let followed: Followed | undefined
  let online = createOnlineThreshold(NEUTRAL)
  return {
    point: () => online.point(),
    see: winRate => online.see(winRate),
    follow(next) {
      if (JSON.stringify(next) === JSON.stringify(followed)) return false
      followed = next
      online = createOnlineThreshold(next?.share ?? NEUTRAL, next?.start)
      return true
    },
  }
}

/**
 * Decides ties by turns, so that of any run of them the share that goes to strong is off by less than one request. The function
 * gives the threshold by which a win rate is decided: the point's, or the next above it, by which a tied one goes to weak.
 */
export function createTieBreaker(): (winRate: number, point: ThresholdPoint) => number {
  let owed = 0
  return (winRate, { threshold, tiedShare }) => {
    if (winRate < threshold || winRate >= beyond(threshold)) return threshold
    owed += tiedShare
    if (owed < 1) return beyond(threshold)
    owed--
    return threshold
  }
}

/** Whether this threshold is one by which a tie was decided for weak. */
export function isTiedToWeak(winRate: number, threshold: number): boolean {
  return winRate < threshold && threshold <= beyond(winRate)
}

/** Above a threshold of 0..1 by a step that it feels. */
function beyond(threshold: number): number {
  return threshold + Number.EPSILON
}
