import { quantile } from './quantile.ts'

/** The latest values of a stream. */
export interface SortedWindow {
  add(value: number): void
  /** The quantile q (0..1, linear) of the values in it, NaN of none. */
  at(q: number): number
  /** Values in it. */
  count(): number
  /** Values in it that are less than `value`. */
  below(value: number): number
  dropOldest(): void
}

/** The latest `size` values, kept in order, so that reading a quantile takes no sorting. */
export function createSortedWindow(size: number): SortedWindow {
  const arrived = new Float64Array(size)
  const sorted = new Float64Array(size)
  let count = 0
  let next = 0
  const placeOf = (value: number) => {
    let first = 0
    let last = count
    while (first < last) {
      const middle = (first + last) >> 1
      if (sorted[middle]! < value) first = middle + 1
      else last = middle
    }
    return first
  }
  const dropOldest = () => {
    if (count === 0) return
    const place = placeOf(arrived[(next - count + size) % size]!)
    sorted.copyWithin(place, place + 1, count)
    count--
  }
  return {
    add: value => {
      if (count === size) dropOldest()
      const place = placeOf(value)
      sorted.copyWithin(place + 1, place, count)
      sorted[place] = value
      count++
      arrived[next] = value
      next = (next + 1) % size
    },
    at: q => quantile(sorted.subarray(0, count), q),
    count: () => count,
    below: placeOf,
    dropOldest,
  }
}
