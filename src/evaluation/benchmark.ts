import { interval, resampleApgr } from './confidence.ts'
import { curve } from './curve.ts'
import { meanCurve, pointAt } from './mean_curve.ts'
import { apgr, cpt } from './metrics.ts'
import { mean } from './outcomes.ts'
import { beatsBetterModel, gapInterval, type MeasuredPoint, withIntervals } from './point_intervals.ts'

/** What is tested on: one entry a row, none NaN. `costs` in US dollars for the prompt. */
export interface TestSet {
  readonly strong: Float64Array
  readonly weak: Float64Array
  readonly costs?: { readonly strong: Float64Array; readonly weak: Float64Array }
}

/** Win rates on each test set: one array a draw (`random` has several seeds), one value a row. */
export type TestWinRates = readonly (readonly Float64Array[])[]

/** One strategy, measured. Shares, qualities and APGR are fractions; null where undefined or never reached. */
export interface Measurement {
  readonly id: string
  readonly rows: number
  readonly apgr: number | null
  readonly apgrLow: number | null
  readonly apgrHigh: number | null
  readonly cpt20: number | null
  readonly cpt50: number | null
  readonly cpt80: number | null
  /** Mean score where half the prompts go to strong; of a single model its own. */
  readonly quality50: number
  /** US dollars per 1,000 prompts at CPT 50 %; of a single model its own. */
  readonly costPer1000: number | null
  /** Whether the interval of `minusLength` lies above (true) or below (false) 0; null where it holds 0. */
  readonly beatsLength: boolean | null
  /** APGR minus that of `length`, with its paired interval. */
  readonly minusLength: number | null
  readonly minusLengthLow: number | null
  readonly minusLengthHigh: number | null
  /** Whether some share of the prompts beats the better single model with confidence; null for baselines of one model. */
  readonly beatsSingleModel: boolean | null
  readonly curve: readonly MeasuredPoint[]
}

/** Mean scores of the two models, and the 95 % interval of their difference. Means over all test sets. */
export interface PairQuality {
  readonly strong: number
  readonly weak: number
  readonly gapLow: number
  readonly gapHigh: number
}

/** Measures strategies on the same resamples of the same test sets. */
export interface Benchmark {
  readonly quality: PairQuality
  readonly length: Measurement
  measure(id: string, winRates: TestWinRates): Measurement
  /** All prompts to one model: a point, not a curve. */
  single(id: 'strong' | 'weak'): Measurement
}

/**
 * Figures are means over the test sets and draws; intervals are taken over the resamples of all of them together, so that
 * they speak of one draw, not of the mean.
 * @param length win rates of the strategy that the others are compared with.
 */
export function createBenchmark(
  tests: readonly TestSet[],
  length: TestWinRates,
  options: { readonly resamples: number; readonly seed: number },
): Benchmark {
  const qualityStrong = mean(tests.map(({ strong }) => mean(strong)))
  const qualityWeak = mean(tests.map(({ weak }) => mean(weak)))
  const rows = Math.round(mean(tests.map(({ strong }) => strong.length)))
  const resample = (winRates: TestWinRates) =>
    tests.map(({ strong, weak }, t) => resampleApgr(winRates[t]!, strong, weak, { ...options, seed: options.seed + t }))
  const lengthResamples = resample(length)
  const lengthApgr = apgrOf(curveOf(length))

  function curveOf(winRates: TestWinRates): readonly MeasuredPoint[] {
    const curves = tests.flatMap(({ strong, weak }, t) =>
      winRates[t]!.map(rates => withIntervals(curve(rates, strong, weak), rates, strong, weak)),
    )
    return meanCurve(curves)
  }

  function apgrOf(points: readonly MeasuredPoint[]): number | null {
    return apgr(points, qualityStrong, qualityWeak)
  }

  function measure(id: string, winRates: TestWinRates): Measurement {
    const points = curveOf(winRates)
    const resamples = winRates === length ? lengthResamples : resample(winRates)
    const value = apgrOf(points)
    const minusLength = value === null || lengthApgr === null ? null : value - lengthApgr
    const { low, high } = interval(pool(resamples.flat()))
    const difference = interval(
      pool(resamples.flatMap((draws, t) => draws.map(draw => subtract(draw, lengthResamples[t]![0]!)))),
    )
    const share = (fraction: number) => cpt(points, fraction, qualityStrong, qualityWeak)
    const cpt50 = share(0.5)
    return {
      id,
      rows,
      apgr: value,
      apgrLow: value === null ? null : low,
      apgrHigh: value === null ? null : high,
      cpt20: share(0.2),
      cpt50,
      cpt80: share(0.8),
      quality50: pointAt(points, 0.5).quality,
      costPer1000: cpt50 === null ? null : costAt(cpt50, winRates),
      beatsLength: minusLength === null ? null : verdict(difference),
      minusLength,
      minusLengthLow: minusLength === null ? null : difference.low,
      minusLengthHigh: minusLength === null ? null : difference.high,
      beatsSingleModel: tests.every(({ strong, weak }, t) =>
        winRates[t]!.every(rates => beatsBetterModel(curve(rates, strong, weak), rates, strong, weak)),
      ),
      curve: points,
    }
  }

  function costAt(strongShare: number, winRates: TestWinRates): number | null {
    const curves = tests.flatMap(({ costs }, t) =>
      costs
        ? winRates[t]!.map(rates =>
            withIntervals(curve(rates, costs.strong, costs.weak), rates, costs.strong, costs.weak),
          )
        : [],
    )
    return curves.length === 0 ? null : 1000 * pointAt(meanCurve(curves), strongShare).quality
  }

  function single(id: 'strong' | 'weak'): Measurement {
    const costs = tests.flatMap(test => (test.costs ? [mean(test.costs[id])] : []))
    const isStrong = id === 'strong'
    const quality = isStrong ? qualityStrong : qualityWeak
    const everywhere = tests.map(({ strong }) => [new Float64Array(strong.length)])
    const ends = curveOf(everywhere)
    return {
      ...NOTHING,
      id,
      rows,
      quality50: quality,
      costPer1000: costs.length === 0 ? null : 1000 * mean(costs),
      curve: [isStrong ? ends.at(-1)! : ends[0]!],
    }
  }

  const gaps = tests.map(({ strong, weak }) => gapInterval(strong, weak))
  const quality: PairQuality = {
    strong: qualityStrong,
    weak: qualityWeak,
    gapLow: mean(gaps.map(({ low }) => low)),
    gapHigh: mean(gaps.map(({ high }) => high)),
  }
  return { quality, length: measure('length', length), measure, single }
}

/** A single model has no curve, so nothing that is read from one. */
const NOTHING = {
  apgr: null,
  apgrLow: null,
  apgrHigh: null,
  cpt20: null,
  cpt50: null,
  cpt80: null,
  beatsLength: null,
  minusLength: null,
  minusLengthLow: null,
  minusLengthHigh: null,
  beatsSingleModel: null,
}

function verdict({ low, high }: { low: number | null; high: number | null }): boolean | null {
  if (low !== null && low > 0) return true
  return high !== null && high < 0 ? false : null
}

function subtract(values: Float64Array, others: Float64Array): Float64Array {
  return values.map((value, i) => value - others[i]!)
}

function pool(arrays: readonly Float64Array[]): Float64Array {
  const pooled = new Float64Array(arrays.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const values of arrays) {
    pooled.set(values, at)
    at += values.length
  }
  return pooled
}
