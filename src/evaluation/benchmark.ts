import { mean } from '../math/mean.ts'
import { interval, resampleApgr } from './confidence.ts'
import { curve } from './curve.ts'
import { meanCurve, pointAt } from './mean_curve.ts'
import { apgr, cpt } from './metrics.ts'
import { beatsBetterModel, gapInterval, type MeasuredPoint, withIntervals } from './point_intervals.ts'
import { requireWinRates } from './win_rates.ts'

/** What is tested on: one entry a row, none NaN. `costs` in US dollars for the prompt. */
export interface TestSet {
  /** What the rows are called in messages; default: their numbers, from 1. */
  readonly ids?: readonly string[]
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
  /** Whether the interval of `apgr` lies above (true) or below (false) one half, which routing at random is expected to give. */
  readonly beatsRandom: boolean | null
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
 * APGR and its difference from `length` are means over the draws, each measured against the gap of its own test set; where
 * that is none the draw is left out, and where the mean gap is none both are null. CPT, qualities and costs are read from the
 * mean curve. Intervals are taken over the resamples of all draws together, so that they speak of one draw, not of the mean.
 * @param length win rates of the strategy that the others are compared with: one draw a test set.
 * @throws UsageError, as `measure` does, where a win rate is NaN; it names the strategy and the row.
 */
export function createBenchmark(
  tests: readonly TestSet[],
  length: TestWinRates,
  options: { readonly resamples: number; readonly seed: number },
): Benchmark {
  const qualityStrong = mean(tests.map(({ strong }) => mean(strong)))
  const qualityWeak = mean(tests.map(({ weak }) => mean(weak)))
  const hasGap = qualityStrong > qualityWeak
  const rows = Math.round(mean(tests.map(({ strong }) => strong.length)))
  const resample = (winRates: TestWinRates) =>
    tests.map(({ strong, weak }, t) => resampleApgr(winRates[t]!, strong, weak, { ...options, seed: options.seed + t }))
  requireNumbers('length', length)
  const lengthResamples = resample(length)
  const lengthApgrs = apgrsOf(length).map(([value]) => value!)

  function curveOf(winRates: TestWinRates): readonly MeasuredPoint[] {
    const curves = tests.flatMap(({ strong, weak }, t) =>
      winRates[t]!.map(rates => withIntervals(curve(rates, strong, weak), rates, strong, weak)),
    )
    return meanCurve(curves)
  }

  function requireNumbers(id: string, winRates: TestWinRates): void {
    for (const [t, { ids }] of tests.entries()) for (const rates of winRates[t]!) requireWinRates(id, rates, ids)
  }

  /** By test set and draw; NaN where that test set has no gap. */
  function apgrsOf(winRates: TestWinRates): number[][] {
    return tests.map(({ strong, weak }, t) =>
      winRates[t]!.map(rates => apgr(curve(rates, strong, weak), mean(strong), mean(weak)) ?? Number.NaN),
    )
  }

  function meanOfDraws(values: readonly number[]): number | null {
    const defined = values.filter(value => !Number.isNaN(value))
    return hasGap && defined.length > 0 ? mean(defined) : null
  }

  function measure(id: string, winRates: TestWinRates): Measurement {
    requireNumbers(id, winRates)
    const points = curveOf(winRates)
    const resamples = winRates === length ? lengthResamples : resample(winRates)
    const apgrs = apgrsOf(winRates)
    const value = meanOfDraws(apgrs.flat())
    const minusLength = meanOfDraws(apgrs.flatMap((draws, t) => draws.map(draw => draw - lengthApgrs[t]!)))
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
      beatsRandom: value === null ? null : verdict({ low, high }, RANDOM_APGR),
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

/** What routing at random gives on average: its quality is linear in strongShare. */
export const RANDOM_APGR = 0.5

/** A single model has no curve, so nothing that is read from one. */
const NOTHING = {
  apgr: null,
  apgrLow: null,
  apgrHigh: null,
  cpt20: null,
  cpt50: null,
  cpt80: null,
  beatsRandom: null,
  beatsLength: null,
  minusLength: null,
  minusLengthLow: null,
  minusLengthHigh: null,
  beatsSingleModel: null,
}

/** Whether an interval lies above (true) or below (false) a value; null where it holds it, or there is none. */
export function verdict({ low, high }: { low: number | null; high: number | null }, value = 0): boolean | null {
  if (low !== null && low > value) return true
  return high !== null && high < value ? false : null
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
