import { eachResample, type ResampleOptions } from '../math/bootstrap.ts'
import { between, quantilePosition } from '../math/quantile.ts'
import { isStrong } from '../policies/threshold.ts'
import { DECILES } from './curve.ts'
import { apgr, type QualityPoint } from './metrics.ts'

export { interval } from '../math/bootstrap.ts'

/** How to resample, and whom to tell. */
export interface ResampleApgrOptions extends ResampleOptions {
  /** Called after each resample. */
  onProgress?(done: number, total: number): void
}

/**
 * APGR on bootstrap samples of the rows, the same samples for every strategy, so that differences are paired. Each sample
 * takes its own deciles, as `curve` on the drawn rows would, at one pass over the rows and without sorting again.
 * @param winRates one array per strategy, one value per row, none NaN.
 * @param strong what the strong model earned on each row; `weak` likewise.
 * @returns one array of `resamples` values per strategy, in the order given; NaN where strong was no better than weak.
 */
export function resampleApgr(
  winRates: readonly Float64Array[],
  strong: Float64Array,
  weak: Float64Array,
  options: ResampleApgrOptions,
): Float64Array[] {
  const rows = strong.length
  const rankings = winRates.map(rates => rank(rates, strong, weak))
  const results = winRates.map(() => new Float64Array(options.resamples))
  const tail = { rows: new Int32Array(rows + 1), gain: new Float64Array(rows + 1) }
  eachResample(rows, options, (counts, index) => {
    let qualityStrong = 0
    let qualityWeak = 0
    for (let row = 0; row < rows; row++) {
      qualityStrong += counts[row]! * strong[row]!
      qualityWeak += counts[row]! * weak[row]!
    }
    qualityStrong /= rows
    qualityWeak /= rows
    for (let s = 0; s < rankings.length; s++) {
      const points = pointsOf(rankings[s]!, counts, qualityWeak, tail)
      results[s]![index] = apgr(points, qualityStrong, qualityWeak) ?? Number.NaN
    }
    options.onProgress?.(index + 1, options.resamples)
  })
  return results
}

/** The rows of one strategy by win rate ascending: what every resample shares. All arrays by rank. */
interface Ranking {
  readonly order: Int32Array
  readonly rates: Float64Array
  /** What strong earned above weak. */
  readonly gains: Float64Array
  /** The first rank with the same win rate. */
  readonly tieStart: Int32Array
}

/** By rank, with one past the end: the drawn rows of this rank and above, and the sum of their gains. */
interface Tail {
  readonly rows: Int32Array
  readonly gain: Float64Array
}

function rank(winRates: Float64Array, strong: Float64Array, weak: Float64Array): Ranking {
  const order = Int32Array.from(winRates, (_, row) => row).sort((a, b) => winRates[a]! - winRates[b]!)
  const rates = Float64Array.from(order, row => winRates[row]!)
  const gains = Float64Array.from(order, row => strong[row]! - weak[row]!)
  const tieStart = new Int32Array(order.length)
  for (let i = 1; i < tieStart.length; i++) tieStart[i] = rates[i] === rates[i - 1] ? tieStart[i - 1]! : i
  return { order, rates, gains, tieStart }
}

/** The curve over the drawn rows, by strongShare ascending. Equal thresholds repeat a point, which adds no area. */
function pointsOf(ranking: Ranking, counts: Int32Array, qualityWeak: number, tail: Tail): QualityPoint[] {
  const { order, gains, tieStart } = ranking
  const rows = order.length
  let drawn = 0
  let gain = 0
  for (let i = rows - 1; i >= 0; i--) {
    const count = counts[order[i]!]!
    drawn += count
    gain += count * gains[i]!
    tail.rows[i] = drawn
    tail.gain[i] = gain
  }
  const points: QualityPoint[] = [{ strongShare: 0, quality: qualityWeak }]
  for (const q of DECILES) {
    const from = tieStart[firstStrong(ranking, tail, q)]!
    points.push({ strongShare: tail.rows[from]! / rows, quality: qualityWeak + tail.gain[from]! / rows })
  }
  return points
}

/** A rank of the lowest win rate that goes to strong when the threshold is the quantile q of the drawn rows. */
function firstStrong({ rates }: Ranking, tail: Tail, q: number): number {
  const { below, share } = quantilePosition(rates.length, q)
  const low = rankOfDrawn(tail, rates.length, below)
  if (share === 0) return low
  const high = rankOfDrawn(tail, rates.length, below + 1)
  return isStrong(rates[low]!, between(rates[low]!, rates[high]!, share)) ? low : high
}

/** The rank of the drawn row at `position` of all drawn rows in ascending order: the last with at most that many drawn below. */
function rankOfDrawn(tail: Tail, rows: number, position: number): number {
  let first = 0
  let last = rows - 1
  while (first < last) {
    const middle = (first + last + 1) >> 1
    if (rows - tail.rows[middle]! <= position) first = middle
    else last = middle - 1
  }
  return first
}
