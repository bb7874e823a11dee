import { quantile } from './quantile.ts'
import { createRandom } from './random.ts'

/** How to resample. Equal seed and row count give equal resamples, whatever is measured on them: that makes results paired. */
export interface ResampleOptions {
  readonly resamples: number
  readonly seed: number
}

/**
 * Draws `resamples` bootstrap samples of `rows` rows with replacement (Efron 1979).
 * @param visit gets how often each row was drawn, a buffer that the next sample overwrites, and the sample's index from 0.
 */
export function eachResample(
  rows: number,
  { resamples, seed }: ResampleOptions,
  visit: (counts: Int32Array, index: number) => void,
): void {
  const random = createRandom(seed)
  const counts = new Int32Array(rows)
  for (let index = 0; index < resamples; index++) {
    counts.fill(0)
    for (let drawn = 0; drawn < rows; drawn++) counts[Math.floor(random() * rows)]!++
    visit(counts, index)
  }
}

/**
 * Percentile interval: the quantiles (1 − level)/2 and (1 + level)/2 of resampled values.
 * @param values NaN marks a resample in which the statistic was not defined; it is left out.
 * @param level in (0, 1).
 * @returns nulls where no value is left.
 */
export function interval(values: Float64Array, level = 0.95): { low: number | null; high: number | null } {
  const sorted = values.filter(value => !Number.isNaN(value)).sort()
  if (sorted.length === 0) return { low: null, high: null }
  return { low: quantile(sorted, (1 - level) / 2), high: quantile(sorted, (1 + level) / 2) }
}
