import type { Estimate } from '../types.ts'
import { mean } from './mean.ts'

/** Values of which those with one key hang together, as requests of one user do. Without keys each is for itself. */
export interface Sample {
  readonly values: ArrayLike<number>
  /** One per value. */
  readonly keys?: readonly string[] | undefined
}

/**
 * The difference of two means, `b` − `a`, of independent samples with its 95 % interval, variances not taken as equal (Welch
 * 1947). The variance of a mean is that of sums by key (Liang and Zeger 1986): keys are what is drawn.
 * @returns NaN bounds where a sample has fewer than two keys.
 */
export function welchDifference(a: Sample, b: Sample): Estimate {
  const [first, second] = [varianceOfMean(a), varianceOfMean(b)]
  const value = mean(b.values) - mean(a.values)
  const variance = first.variance + second.variance
  if (variance === 0) return { value, low: value, high: value }
  const freedom = variance ** 2 / (first.variance ** 2 / (first.keys - 1) + second.variance ** 2 / (second.keys - 1))
  const reach = Math.sqrt(variance) * studentQuantile(freedom)
  return { value, low: value - reach, high: value + reach }
}

function varianceOfMean({ values, keys }: Sample): { variance: number; keys: number } {
  const average = mean(values)
  const sums = new Map<string | number, number>()
  for (let i = 0; i < values.length; i++) {
    const key = keys ? keys[i]! : i
    sums.set(key, (sums.get(key) ?? 0) + values[i]! - average)
  }
  let squares = 0
  for (const sum of sums.values()) squares += sum ** 2
  return { variance: ((squares / values.length ** 2) * sums.size) / (sums.size - 1), keys: sums.size }
}

/**
 * The 97.5 % quantile of Student's t, to 0.1 % from 4 degrees of freedom on, by its expansion around the normal one (Abramowitz
 * and Stegun 26.7.5).
 * @param freedom degrees of freedom, above 0.
 */
export function studentQuantile(freedom: number): number {
  const z = 1.959963984540054
  const g1 = (z ** 3 + z) / 4
  const g2 = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96
  const g3 = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384
  const g4 = (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92_160
  return z + g1 / freedom + g2 / freedom ** 2 + g3 / freedom ** 3 + g4 / freedom ** 4
}
