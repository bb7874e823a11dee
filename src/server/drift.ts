/** What the latest decisions say about the share for strong. Shares are fractions. */
export interface DriftState {
  /** Decisions. */
  readonly window: number
  /** Share of the window that went to strong; null before there is anything. */
  readonly share: number | null
  readonly target: number | null
  /** Standard errors by which the window's share is off. */
  readonly z: number | null
  readonly isDrifting: boolean
}

/** Watches the realised share against its target. */
export interface DriftWatch {
  /** Hears of a decision that does not depend on those before it. */
  see(isStrong: boolean): void
  state(): DriftState
}

const WINDOW = 2000
/** Below, a window says nothing. */
const LEAST = 200
/** |z| beyond which it is no noise: looked at after every decision, chance passes 4.5 about once in a million independent windows. */
const ALARM = 4.5
/** A share that is off by less troubles nobody, however sure it is. */
const NEGLIGIBLE = 0.02

/**
 * A sliding window over the latest decisions. Alarms where the share is off its target by more than noise: by a z-test of a
 * binomial share, and by more than 2 points.
 */
export function createDriftWatch(target: number | undefined, size = WINDOW): DriftWatch {
  const window = new Uint8Array(size)
  let count = 0
  let strong = 0
  return {
    see(isStrong) {
      const place = count % size
      if (count >= size) strong -= window[place]!
      window[place] = Number(isStrong)
      strong += window[place]!
      count++
    },
    state() {
      const seen = Math.min(count, size)
      const share = seen === 0 ? null : strong / seen
      if (target === undefined || share === null)
        return { window: seen, share, target: target ?? null, z: null, isDrifting: false }
      const error = Math.sqrt(Math.max(target * (1 - target), 0.25 / seen) / seen)
      const z = (share - target) / error
      const isDrifting = seen >= Math.min(LEAST, size) && Math.abs(z) > ALARM && Math.abs(share - target) > NEGLIGIBLE
      return { window: seen, share, target, z, isDrifting }
    },
  }
}
