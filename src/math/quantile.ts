/**
 * The quantile of values sorted ascending, linear between neighbours: numpy's default, R's type 7.
 * @param q in [0, 1].
 * @returns NaN where there are no values.
 */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) return Number.NaN
  const position = q * (sorted.length - 1)
  const below = Math.floor(position)
  const low = sorted[below]!
  const share = position - below
  // Between equal neighbours nothing is computed, so that tied values keep their exact bits and `>=` keeps them together.
  if (share === 0 || sorted[below + 1] === low) return low
  return low + (sorted[below + 1]! - low) * share
}

/** The quantiles `qs` (each in [0, 1]) of values in any order, as `quantile`, one per q. The values are left as they are. */
export function quantiles(values: Float64Array, qs: readonly number[]): Float64Array {
  const sorted = values.slice().sort()
  return Float64Array.from(qs, q => quantile(sorted, q))
}
