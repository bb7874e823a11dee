/**
 * The quantile of values sorted ascending, linear between neighbours: numpy's default, R's type 7.
 * @param q in [0, 1].
 * @returns NaN where there are no values.
 */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) return Number.NaN
  const { below, share } = quantilePosition(sorted.length, q)
  return share === 0 ? sorted[below]! : between(sorted[below]!, sorted[below + 1]!, share)
}

/** The quantiles `qs` (each in [0, 1]) of values in any order, as `quantile`, one per q. The values are left as they are. */
export function quantiles(values: Float64Array, qs: readonly number[]): Float64Array {
  const sorted = values.slice().sort()
  return Float64Array.from(qs, q => quantile(sorted, q))
}

/** Where the quantile q of `count` sorted values lies: `share`, in [0, 1), of the way from index `below` to the next. */
export function quantilePosition(count: number, q: number): { below: number; share: number } {
  const position = q * (count - 1)
  const below = Math.floor(position)
  return { below, share: position - below }
}

/** `share` of the way from `low` to `high`. Ties keep their exact bits, so that `>=` keeps them together. */
export function between(low: number, high: number, share: number): number {
  return low === high ? low : low + (high - low) * share
}
