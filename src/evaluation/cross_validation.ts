import { UsageError } from '../errors.ts'
import { shuffledIndexes } from '../math/random.ts'
import type { Checkpoint, Outcomes, Resources, StrategyModule } from '../types.ts'
import { type GroupBy, groupsOf } from './groups.ts'
import { selectRows } from './outcomes.ts'

/** Rows to learn from and rows to test on: indexes, ascending, disjoint. */
export interface Split {
  readonly train: Int32Array
  readonly test: Int32Array
}

export interface CrossValidationOptions {
  /** 2 or more; each row is tested once, by weights that were fitted on the rows of the other folds. */
  readonly folds: number
  readonly seed: number
  readonly groupBy?: GroupBy
  /** Called after each fold. */
  readonly onProgress?: (done: number, total: number) => void
}

/** Out-of-fold win rates, one per row, pooled over the folds. Throws UsageError where there is too little to split. */
export async function crossValidatedWinRates(
  module: StrategyModule,
  outcomes: Outcomes,
  resources: Resources,
  { folds, seed, groupBy, onProgress }: CrossValidationOptions,
): Promise<Float64Array> {
  const winRates = new Float64Array(outcomes.prompts.length)
  for (const [done, split] of splitsOf(outcomes, folds, seed, groupBy).entries()) {
    const rates = await splitWinRates(module, outcomes, resources, split)
    for (const [i, row] of split.test.entries()) winRates[row] = rates[i]!
    onProgress?.(done + 1, folds)
  }
  return winRates
}

/** Win rates of the split's test rows, in their order, by weights fitted on its training rows. */
async function splitWinRates(
  module: StrategyModule,
  outcomes: Outcomes,
  resources: Resources,
  { train, test }: Split,
): Promise<Float64Array> {
  const prompts = Array.from(test, row => outcomes.prompts[row]!)
  return fittedWinRates(module, selectRows(outcomes, train), prompts, resources)
}

/** Fits on `train` and scores `prompts`, one win rate per prompt; a strategy that has nothing to learn just scores. */
export async function fittedWinRates(
  module: StrategyModule,
  train: Outcomes,
  prompts: readonly string[],
  resources: Resources,
): Promise<Float64Array> {
  if (!module.fit) return (await module.create(resources)).winRate(prompts)
  const checkpoint: Checkpoint = await module.fit(train, resources)
  const strategy = await module.create({ ...resources, checkpoint: async () => checkpoint })
  return strategy.winRate(prompts)
}

/**
 * A fold 0..folds-1 for each row: groups (repeats of a prompt, or whole categories) in a seeded random order, each to the
 * fold that is smallest so far.
 * @throws UsageError where there are fewer groups than folds.
 */
export function foldsOf(outcomes: Outcomes, folds: number, seed: number, groupBy?: GroupBy): Int32Array {
  const groups = groupsOf(outcomes, groupBy)
  if (!(Number.isInteger(folds) && folds >= 2)) throw new UsageError(`folds: expected 2 or more, got ${folds}.`)
  if (groups.length < folds) {
    const found = groupBy ? `separate groups by ${groupBy}` : 'different prompts'
    throw new UsageError(`folds: expected at least ${folds} ${found}, got ${groups.length}. Ask for fewer folds.`)
  }
  const sizes = new Int32Array(folds)
  const fold = new Int32Array(outcomes.prompts.length)
  for (const index of shuffledIndexes(groups.length, seed)) {
    const smallest = sizes.indexOf(Math.min(...sizes))
    for (const row of groups[index]!) fold[row] = smallest
    sizes[smallest]! += groups[index]!.length
  }
  return fold
}

/** One split a fold: tested on it, trained on the others. Throws as `foldsOf`. */
export function splitsOf(outcomes: Outcomes, folds: number, seed: number, groupBy?: GroupBy): Split[] {
  const fold = foldsOf(outcomes, folds, seed, groupBy)
  const rows = Int32Array.from(fold.keys())
  return Array.from({ length: folds }, (_, held) => ({
    train: rows.filter(row => fold[row] !== held),
    test: rows.filter(row => fold[row] === held),
  }))
}

/**
 * `size` random rows to learn from; the rows of all other groups to test on. A group that is cut to make the size exact
 * is tested no more.
 * @throws UsageError where nothing would be left to test on.
 */
export function drawSplit(outcomes: Outcomes, size: number, seed: number, groupBy?: GroupBy): Split {
  const groups = groupsOf(outcomes, groupBy)
  const train: number[] = []
  const test: number[] = []
  for (const index of shuffledIndexes(groups.length, seed)) {
    const isTested = train.length >= size
    for (const row of groups[index]!) {
      if (isTested) test.push(row)
      else if (train.length < size) train.push(row)
    }
  }
  if (test.length === 0) {
    throw new UsageError(`train size: expected fewer than ${outcomes.prompts.length} (all rows), got ${size}.`)
  }
  return { train: Int32Array.from(train).sort(), test: Int32Array.from(test).sort() }
}
