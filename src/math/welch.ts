import type { Estimate } from '../types.ts'
import { mean } from './mean.ts'

/**
 * The difference of two means, `b` − `a`, of independent samples with its 95 % interval, variances not taken as equal (Welch
 * 1947).
 * @returns NaN bounds where a sample has fewer than two values.
 */
export function welchDifference(a: ArrayLike<number>, b: ArrayLike<number>): Estimate {
  const [first, second] = [squaredError(a), squaredError(b)]
  const value = mean(b) - mean(a)
  const error = first + second
  if (error === 0) return { value, low: value, high: value }
  const freedom = error ** 2 / (first ** 2 / (a.length - 1) + second ** 2 / (b.length - 1))
  const reach = Math.sqrt(error) * studentQuantile(freedom)
  return { value, low: value - reach, high: value + reach }
}

/** Variance of the mean. */
function squaredError(values: ArrayLike<number>): number {
  const average = mean(values)
  let squares = 0
  for (let i = 0; i < values.length; i++) squares += (values[i]! - average) ** 2
  return squares / (values.length - 1) / values.length
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
