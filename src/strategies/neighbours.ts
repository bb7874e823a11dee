import { kthLargest } from '../math/select.ts'

/** What the mean of all rows weighs against the neighbours: as `k` neighbours this much nearer than the k-th. */
export const SHRINKAGE = 0.01
/** What the k-th neighbour itself weighs, in units of cosine. */
const LEAST_WEIGHT = 1e-3

/** Rows near a prompt, weighted by how much nearer than the k-th. */
export interface Neighbours {
  readonly rows: readonly number[]
  readonly weights: readonly number[]
}

/** The k nearest rows and all that are as near as the k-th. */
export function nearest(cosines: Float32Array, k: number): Neighbours {
  const kth = kthLargest(cosines.slice(), k)
  const rows: number[] = []
  const weights: number[] = []
  for (let row = 0; row < cosines.length; row++) {
    const cosine = cosines[row]!
    if (cosine < kth) continue
    rows.push(row)
    weights.push(cosine - kth + LEAST_WEIGHT)
  }
  return { rows, weights }
}

/** Weighted mean of the neighbours' values, drawn to `prior` where they are few or far; values that are NaN have no say. */
export function smoothed(
  { rows, weights }: Neighbours,
  valued: (row: number) => number,
  prior: number,
  shrinkage = SHRINKAGE,
): number {
  let total = rows.length * shrinkage
  let sum = total * prior
  for (const [i, row] of rows.entries()) {
    const value = valued(row)
    if (Number.isNaN(value)) continue
    total += weights[i]!
    sum += weights[i]! * value
  }
  return sum / total
}
