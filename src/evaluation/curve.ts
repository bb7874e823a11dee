import { quantile } from '../math/quantile.ts'
import { isStrong } from '../policies/threshold.ts'

/** What routing at one threshold costs and gives. */
export interface CurvePoint {
  /** Null at the point that sends nothing to strong: no finite threshold is above every win rate for certain. */
  readonly threshold: number | null
  /** Fraction of rows sent to strong, 0..1. */
  readonly strongShare: number
  /** Mean score of the answers. */
  readonly quality: number
}

/** Where on the win rates the curve is looked at: RouteLLM's ten results. */
export const DECILES: readonly number[] = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0]

/**
 * Quality over strongShare: the point that sends nothing to strong, then the thresholds at the deciles of the win rates,
 * strong iff `winRate >= threshold`. As RouteLLM's evaluation, but equal thresholds (ties) are one point instead of a crash.
 * @param winRates one per row, none NaN.
 * @param strong what the strong model earned on each row; `weak` likewise.
 * @returns by strongShare ascending, from 0 to 1; nothing where there are no rows.
 */
export function curve(winRates: Float64Array, strong: Float64Array, weak: Float64Array): CurvePoint[] {
  const rows = winRates.length
  if (rows === 0) return []
  const sorted = winRates.slice().sort()
  const thresholds = new Set(DECILES.map(q => quantile(sorted, q)))
  return [null, ...thresholds].map(threshold => {
    let sent = 0
    let earned = 0
    for (let row = 0; row < rows; row++) {
      const isSent = threshold !== null && isStrong(winRates[row]!, threshold)
      if (isSent) sent++
      earned += isSent ? strong[row]! : weak[row]!
    }
    return { threshold, strongShare: sent / rows, quality: earned / rows }
  })
}
