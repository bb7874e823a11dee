import { mean } from '../math/mean.ts'
import { RANDOM_APGR, type TestSet, type TestWinRates, verdict } from './benchmark.ts'
import { interval, resampleApgr } from './confidence.ts'
import { curve } from './curve.ts'
import { apgr } from './metrics.ts'

/** One set of prompts and what was scored on it. */
export interface ScoredSet {
  /** One a draw. */
  readonly tests: readonly TestSet[]
  /** By id of the strategy; `length` is among them. */
  readonly winRates: ReadonlyMap<string, TestWinRates>
}

/** One strategy over several sets, each counting alike. Null where no set has a gap. */
export interface MeanMeasurement {
  readonly id: string
  /** Sets on which strong is better than weak: those that the mean is of. */
  readonly sets: number
  readonly apgr: number | null
  readonly apgrLow: number | null
  readonly apgrHigh: number | null
  /** Whether the interval of `apgr` lies above (true) or below (false) one half. */
  readonly beatsRandom: boolean | null
  readonly minusLength: number | null
  readonly minusLengthLow: number | null
  readonly minusLengthHigh: number | null
  /** Whether the interval of `minusLength` lies above (true) or below (false) 0. */
  readonly beatsLength: boolean | null
}

/**
 * The mean APGR over sets, and that of its difference from `length`, with 95 % intervals: each resample draws rows anew
 * within every set. With several draws, means are over them and intervals speak of one, as in a table of one set.
 */
export function meanOverSets(
  sets: readonly ScoredSet[],
  ids: readonly string[],
  { resamples, seed }: { readonly resamples: number; readonly seed: number },
): MeanMeasurement[] {
  const withGap = sets.flatMap((set, s) =>
    set.tests.some(({ strong, weak }) => mean(strong) > mean(weak)) ? [{ ...set, seed: seed + s * SEEDS_APART }] : [],
  )
  const lengths = withGap.map(set => apgrsOf(set, 'length', resamples))
  return ids.map(id => {
    const own = id === 'length' ? lengths : withGap.map(set => apgrsOf(set, id, resamples))
    const differences = own.map((draws, s) => draws.map(draw => minus(draw, lengths[s]!)))
    const level = summarise(own)
    const difference = summarise(differences)
    return {
      id,
      sets: withGap.length,
      apgr: level.value,
      apgrLow: level.low,
      apgrHigh: level.high,
      beatsRandom: verdict(level, RANDOM_APGR),
      minusLength: difference.value,
      minusLengthLow: difference.low,
      minusLengthHigh: difference.high,
      beatsLength: verdict(difference),
    }
  })
}

/** More than there are draws of one set, each of which has its own seed. */
const SEEDS_APART = 100_003

/** APGR of one draw, and of its resamples. */
interface Apgrs {
  readonly test: number
  readonly value: number
  readonly resampled: Float64Array
}

function apgrsOf({ tests, winRates, seed }: ScoredSet & { readonly seed: number }, id: string, resamples: number) {
  return tests.flatMap(({ strong, weak }, test): Apgrs[] => {
    const rates = winRates.get(id)![test]!
    const resampled = resampleApgr(rates, strong, weak, { resamples, seed: seed + test })
    return rates.map((one, r) => ({
      test,
      value: apgr(curve(one, strong, weak), mean(strong), mean(weak)) ?? Number.NaN,
      resampled: resampled[r]!,
    }))
  })
}

/** A draw minus `length` on the same test set and the same resamples. */
function minus({ test, value, resampled }: Apgrs, lengths: readonly Apgrs[]): Apgrs {
  const length = lengths.find(other => other.test === test)!
  return {
    test,
    value: value - length.value,
    resampled: resampled.map((apgr, i) => apgr - length.resampled[i]!),
  }
}

/** Means over the sets: of the values, and resample by resample, draw by draw. */
function summarise(sets: readonly (readonly Apgrs[])[]) {
  const values = sets.map(draws => mean(draws.map(({ value }) => value).filter(value => !Number.isNaN(value))))
  const draws = Math.max(0, ...sets.map(({ length }) => length))
  const resampled = Array.from({ length: draws }, (_, d) => {
    const same = sets.map(set => set[d % set.length]!.resampled)
    return Array.from(same[0]!, (_, i) => mean(same.map(of => of[i]!)))
  })
  const value = values.length === 0 ? Number.NaN : mean(values)
  if (Number.isNaN(value)) return { value: null, low: null, high: null }
  return { value, ...interval(Float64Array.from(resampled.flat())) }
}
