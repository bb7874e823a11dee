import { quantile } from '../math/quantile.ts'
import { isStrong } from '../policies/threshold.ts'

/**
 * The threshold that sends `strongShare` (0..1) of prompts like these to strong: quantile(winRates, 1 − strongShare), linear.
 * At the ends it means what it says for any prompt: 0 gives Infinity (all weak), 1 gives 0 (all strong).
 * @param sorted win rates, or their quantiles at equal steps, ascending
 */
export function thresholdForShare(sorted: Float64Array, strongShare: number): number {
  if (strongShare <= 0) return Number.POSITIVE_INFINITY
  return strongShare >= 1 ? 0 : quantile(sorted, 1 - strongShare)
}

/** Fraction of the prompts that the threshold sends to strong, 0..1; NaN for none. */
export function strongShareAt(winRates: Float64Array, threshold: number): number {
  let strong = 0
  for (const winRate of winRates) if (isStrong(winRate, threshold)) strong++
  return strong / winRates.length
}
