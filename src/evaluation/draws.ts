import { UsageError } from '../errors.ts'
import { mean } from '../math/mean.ts'
import type { Outcomes } from '../types.ts'
import type { TestSet } from './benchmark.ts'
import { drawRows, drawSplit, type Split, splitsOf } from './cross_validation.ts'
import type { GroupBy } from './groups.ts'
import { measuredRows, pick, selectRows } from './outcomes.ts'

/** What one draw tests, and what is fitted for it. */
export interface Draw {
  /** Rows of the evaluated outcomes, ascending. */
  readonly rows: Int32Array
  /** Each row is in the `test` of one fit; none where the strategies are trained already. */
  readonly fits: readonly Fit[]
}

/** One fitting of every strategy. */
export interface Fit {
  /** What is learned from; made when it is asked for, since it is a copy. */
  readonly train: () => Outcomes
  /** Rows of the evaluated outcomes that it scores, ascending. */
  readonly test: Int32Array
}

/** How rows are divided into those to learn from and those to test on; by default nothing is learned. */
export interface DrawOptions {
  readonly seed: number
  /** 2 or more, drawn `draws` times: every row is tested, in the fold that is not learned from. */
  readonly folds?: number | undefined
  /** What stays on one side of a split besides repeats of a prompt. */
  readonly groupBy?: GroupBy | undefined
  /** Rows with scores of both models to learn from, 1 or more, drawn `draws` times (default 1). */
  readonly trainSize?: number | undefined
  readonly draws?: number
  /** Learn from these instead. */
  readonly trainOn?: Outcomes | undefined
}

/**
 * The draws of one evaluation of `outcomes` on `rows`: one trained elsewhere, or, by folds or with a train size, several.
 * Rows that are left out of `rows` are still learned from.
 * @throws UsageError where there is too little to learn from or to test on.
 */
export function planDraws(outcomes: Outcomes, rows: Int32Array, options: DrawOptions): Draw[] {
  const { seed, folds, groupBy, trainSize, draws = 1, trainOn } = options
  const tested = new Set(rows)
  return Array.from({ length: trainSize === undefined && folds === undefined ? 1 : draws }, (_, d) => {
    // Draws of neighbouring seeds must not be the same draws shifted by one.
    const drawSeed = d === 0 ? seed : Math.imul(seed + 1, 0x9e3779b1) + d
    if (trainOn) {
      const train = trainSize === undefined ? trainOn : drawn(trainOn, trainSize, drawSeed, groupBy)
      return { rows, fits: [{ train: () => train, test: rows }] }
    }
    const splits: readonly Split[] = folds
      ? splitsOf(outcomes, folds, drawSeed, groupBy)
      : trainSize === undefined
        ? []
        : [drawSplit(outcomes, trainSize, drawSeed, groupBy)]
    const fits = splits.map(({ train, test }) => ({
      train: () => {
        const source = selectRows(outcomes, train)
        return folds !== undefined && trainSize !== undefined ? drawn(source, trainSize, drawSeed, groupBy) : source
      },
      test: test.filter(row => tested.has(row)),
    }))
    return { rows: fits.length === 0 ? rows : mergeSorted(fits), fits }
  })
}

/** Scores and costs of the draw's rows. Where a cost is not known it is the model's mean over the rows where it is. */
export function testSetOf(outcomes: Outcomes, { rows }: Draw): TestSet {
  const strong = pick(outcomes.strong, rows)
  const weak = pick(outcomes.weak, rows)
  const costs = { strong: costsOf(outcomes, rows, 'strong'), weak: costsOf(outcomes, rows, 'weak') }
  const ids = Array.from(rows, row => outcomes.ids[row]!)
  return costs.strong && costs.weak
    ? { ids, strong, weak, costs: { strong: costs.strong, weak: costs.weak } }
    : { ids, strong, weak }
}

function drawn(outcomes: Outcomes, size: number, seed: number, groupBy: GroupBy | undefined): Outcomes {
  const rows = measuredRows(outcomes).length
  if (size > rows) throw new UsageError(`--train-size: expected at most the ${rows} rows to learn from, got ${size}.`)
  return size === rows ? outcomes : selectRows(outcomes, drawRows(outcomes, size, seed, groupBy).train)
}

function mergeSorted(fits: readonly Fit[]): Int32Array {
  return Int32Array.from(fits.flatMap(({ test }) => Array.from(test))).sort()
}

function costsOf(outcomes: Outcomes, rows: Int32Array, side: 'strong' | 'weak'): Float64Array | undefined {
  const { costs, models, source, sources } = outcomes
  if (!costs) return undefined
  const known = Float64Array.from(rows, row => costs[row * models.length + sources[source[row]!]![side]]!)
  const average = mean(known.filter(cost => !Number.isNaN(cost)))
  return Number.isNaN(average) ? undefined : known.map(cost => (Number.isNaN(cost) ? average : cost))
}
