import { quantiles } from '../math/quantile.ts'
import type { PoolTest } from './pool_test.ts'

const STEPS = 40

/**
 * Values of best_value's λ (quality per US dollar) from one that always takes the best model to one that always takes the cheapest: 0, then a
 * geometric row over all differences of mean cost, ascending.
 */
export function lambdas({ models, costs }: PoolTest): number[] {
  if (!costs) return [0]
  const means = new Float64Array(models.length)
  for (const [at, cost] of costs.entries()) means[at % models.length]! += cost / (costs.length / models.length)
  const sorted = means.sort()
  const gaps = Array.from(sorted.subarray(1), (cost, i) => cost - sorted[i]!).filter(gap => gap > 0)
  if (gaps.length === 0) return [0]
  const least = 1e-3 / (sorted.at(-1)! - sorted[0]!)
  const most = 2 / Math.min(...gaps)
  return [0, ...Array.from({ length: STEPS }, (_, i) => least * (most / least) ** (i / (STEPS - 1)))]
}

/** Thresholds that send all to strong, all but a twentieth, …, none: by win rates of the tested prompts, ascending. */
export function thresholds(winRates: Float64Array): number[] {
  const shares = Array.from({ length: 20 }, (_, i) => i / 20)
  return [...new Set(quantiles(winRates, shares)), Number.POSITIVE_INFINITY]
}
