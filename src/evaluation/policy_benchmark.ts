import { interval, type ResampleOptions } from '../math/bootstrap.ts'
import { mean } from '../math/mean.ts'
import { aiq, type CostQuality, type CostRange, costQualityHull, meanUnder, qualityAt, rangeOf } from './hull.ts'
import { type PolicyRun, runSingle } from './policy_run.ts'
import type { PoolTest } from './pool_test.ts'
import { resampledMeans } from './resampled_means.ts'
import { routerArenaScore } from './router_arena.ts'

/** A figure with its 95 % bootstrap interval; all null where it is not defined. */
export interface Figure {
  readonly value: number | null
  readonly low: number | null
  readonly high: number | null
}

/** One way of routing, measured. Qualities and scores 0..1, costs in US dollars per 1,000 prompts. */
export interface PolicyMeasurement {
  readonly id: string
  readonly quality: Figure
  readonly costPer1000: Figure
  /** RouterArena's score S. */
  readonly routerArena: Figure
  /** Quality minus that of the best single model, paired. */
  readonly minusBest: Figure
  /** Quality minus that of the straight line between the best single models at the same cost, paired. */
  readonly minusLine: Figure
  /** Share of the prompts that each model was called for, by id; above 1 in all where several are. */
  readonly shares: Readonly<Record<string, number>>
  /** Prompts that no model was called for; they count as quality and cost 0. */
  readonly refused: number
}

/** A policy under several values of one option, from which its line of cost and quality is made. */
export interface SweepMeasurement {
  /** RouterBench's AIQ: the mean height of the hull over the cost range of the single models. */
  readonly aiq: Figure
  /** AIQ minus that of the hull of the single models, paired. */
  readonly minusLine: Figure
  /** The same of the points as they come, without the hull's choice of the luckiest ones. */
  readonly unchosenMinusLine: Figure
  /**
   * Whether the policy is shown to lie above the straight line between the best single models (both intervals above 0) or below
   * it (both below 0); null where neither is shown.
   */
  readonly isAboveLine: boolean | null
  readonly points: readonly {
    readonly value: number
    readonly quality: number
    readonly costPer1000: number
    readonly isOnHull: boolean
  }[]
}

/** The straight line between the best single models. */
export interface LineMeasurement {
  readonly aiq: Figure
  /** By cost ascending. */
  readonly points: readonly { readonly model: string; readonly quality: number; readonly costPer1000: number }[]
}

/** Measures on the same resamples of the same prompts. */
export interface PolicyBenchmark {
  /** The single model of the highest mean score; of several the cheapest. */
  readonly best: string
  /** Absent where costs are not known. */
  readonly line?: LineMeasurement
  /** Costs, in US dollars per 1,000 prompts, between which hulls are compared. */
  readonly costRange?: CostRange
  measure(id: string, run: PolicyRun): PolicyMeasurement
  /** Undefined where costs are not known. `values` has one entry a run. */
  sweep(values: readonly number[], runs: readonly PolicyRun[]): SweepMeasurement | undefined
}

/** Sets up the comparison with single models. Every interval is a percentile bootstrap over the prompts. */
export function createPolicyBenchmark(test: PoolTest, options: ResampleOptions): PolicyBenchmark {
  const singles = test.models.map(model => ({ model, ...pointsOf(runSingle(model, test), options) }))
  const bestSingle = singles.reduce((a, b) => (isBetter(b.point, a.point) ? b : a))
  const resamples = Array.from({ length: options.resamples }, (_, i) => i)
  const hull = costQualityHull(singles.map(({ model, point }) => ({ model, ...point })))
  const range = rangeOf(singles.map(({ point }) => point))
  const drawnHulls = test.costs && resamples.map(i => costQualityHull(singles.map(({ drawn }) => drawn(i))))
  const figure = (value: number, drawn: (index: number) => number): Figure => {
    if (Number.isNaN(value)) return UNDEFINED
    return { value, ...interval(Float64Array.from(resamples, drawn)) }
  }
  const lineAiq = meanUnder(hull, range)
  const drawnLineAiqs = drawnHulls?.map(line => meanUnder(line, range))

  return {
    best: bestSingle.model,
    ...(drawnLineAiqs
      ? {
          costRange: range,
          line: {
            aiq: figure(lineAiq, i => drawnLineAiqs[i]!),
            points: hull.map(({ model, quality, cost }) => ({ model, quality, costPer1000: cost })),
          },
        }
      : {}),
    measure(id, run) {
      const { point, drawn } = pointsOf(run, options)
      const { quality, cost } = point
      return {
        id,
        quality: figure(quality, i => drawn(i).quality),
        costPer1000: figure(cost, i => drawn(i).cost),
        routerArena: figure(routerArenaScore(quality, cost), i => routerArenaScore(drawn(i).quality, drawn(i).cost)),
        minusBest: figure(quality - bestSingle.point.quality, i => drawn(i).quality - bestSingle.drawn(i).quality),
        minusLine: drawnHulls
          ? figure(quality - qualityAt(hull, cost), i => drawn(i).quality - qualityAt(drawnHulls[i]!, drawn(i).cost))
          : UNDEFINED,
        shares: Object.fromEntries(Array.from(run.calls, ([model, calls]) => [model, calls / test.rows])),
        refused: run.refused,
      }
    },
    sweep(values, runs) {
      if (!drawnLineAiqs) return undefined
      const measured = runs.map(run => pointsOf(run, options))
      const points = measured.map(({ point }) => point)
      const own = costQualityHull(points)
      const drawnPoints = resamples.map(i => measured.map(({ drawn }) => drawn(i)))
      const value = aiq(points, range)
      const drawnAiqs = drawnPoints.map(drawn => aiq(drawn, range))
      const minusLine = figure(value - lineAiq, i => drawnAiqs[i]! - drawnLineAiqs[i]!)
      const unchosen = (drawn: readonly CostQuality[]) => meanUnder(joined(drawn), range)
      const unchosenMinusLine = figure(unchosen(points) - lineAiq, i => unchosen(drawnPoints[i]!) - drawnLineAiqs[i]!)
      return {
        aiq: figure(value, i => drawnAiqs[i]!),
        minusLine,
        unchosenMinusLine,
        isAboveLine: agreed(minusLine, unchosenMinusLine),
        points: points.map((point, i) => ({
          value: values[i]!,
          quality: point.quality,
          costPer1000: point.cost,
          isOnHull: own.includes(point),
        })),
      }
    },
  }
}

const UNDEFINED: Figure = { value: null, low: null, high: null }

/** A run as a point, on all prompts and on each resample. Costs per 1,000 prompts; NaN where not known. */
interface Points {
  readonly point: CostQuality
  drawn(index: number): CostQuality
}

function pointsOf({ quality, costs }: PolicyRun, options: ResampleOptions): Points {
  const [qualities, spent] = resampledMeans(costs ? [quality, costs] : [quality], options)
  return {
    point: { quality: mean(quality), cost: costs ? 1000 * mean(costs) : Number.NaN },
    drawn: index => ({ quality: qualities![index]!, cost: spent ? 1000 * spent[index]! : Number.NaN }),
  }
}

function isBetter(a: CostQuality, b: CostQuality): boolean {
  return a.quality > b.quality || (a.quality === b.quality && a.cost < b.cost)
}

/** The points by cost; of several at one cost their mean. */
function joined(points: readonly CostQuality[]): CostQuality[] {
  const byCost = new Map<number, number[]>()
  for (const { cost, quality } of points) byCost.set(cost, [...(byCost.get(cost) ?? []), quality])
  const means = Array.from(byCost, ([cost, qualities]) => ({ cost, quality: mean(qualities) }))
  return means.sort((a, b) => a.cost - b.cost)
}

function agreed(...differences: readonly Figure[]): boolean | null {
  if (differences.every(({ low }) => low !== null && low > 0)) return true
  return differences.every(({ high }) => high !== null && high < 0) ? false : null
}
