import { isStrong } from '../policies/threshold.ts'
import type { CurvePoint } from './curve.ts'

/** A point of the curve with the 95 % interval of its quality. */
export interface MeasuredPoint extends CurvePoint {
  readonly qualityLow: number
  readonly qualityHigh: number
}

const Z_95 = 1.959964
/** The 95 % two-sided normal quantile for nine looks at once (Bonferroni): the points between all weak and all strong. */
const Z_NINE = 2.772921

/** The 95 % interval of what strong earns above weak, paired: mean ± z·sd/√rows. */
export function gapInterval(strong: Float64Array, weak: Float64Array): { low: number; high: number } {
  const { mean, error } = momentsOf(strong, row => strong[row]! - weak[row]!)
  return { low: mean - Z_95 * error, high: mean + Z_95 * error }
}

/** Each point with mean ± z·sd/√rows of what its answers earned. */
export function withIntervals(
  points: readonly CurvePoint[],
  winRates: Float64Array,
  strong: Float64Array,
  weak: Float64Array,
): MeasuredPoint[] {
  return points.map(point => {
    const { mean, error } = momentsOf(winRates, row => (isSent(winRates[row]!, point) ? strong[row]! : weak[row]!))
    return { ...point, qualityLow: mean - Z_95 * error, qualityHigh: mean + Z_95 * error }
  })
}

/**
 * Whether routing at some point of the curve earns more than the better of the two models alone, shown with confidence: the
 * paired difference is above 0 by a normal interval that allows for having looked at nine points.
 */
export function beatsBetterModel(
  points: readonly CurvePoint[],
  winRates: Float64Array,
  strong: Float64Array,
  weak: Float64Array,
): boolean {
  const gap = momentsOf(winRates, row => strong[row]! - weak[row]!).mean
  return points.some(point => {
    const { mean, error } = momentsOf(winRates, row => {
      const advantage = strong[row]! - weak[row]!
      return isSent(winRates[row]!, point) ? (gap > 0 ? 0 : advantage) : gap > 0 ? -advantage : 0
    })
    return mean - Z_NINE * error > 0
  })
}

function isSent(winRate: number, { threshold }: CurvePoint): boolean {
  return threshold !== null && isStrong(winRate, threshold)
}

/** Mean over the rows and its standard error. */
function momentsOf(rows: { readonly length: number }, of: (row: number) => number) {
  let sum = 0
  let squares = 0
  for (let row = 0; row < rows.length; row++) {
    const value = of(row)
    sum += value
    squares += value * value
  }
  const mean = sum / rows.length
  const variance = Math.max(0, squares / rows.length - mean * mean)
  return { mean, error: Math.sqrt(variance / rows.length) }
}
