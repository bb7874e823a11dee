import { UsageError } from '../errors.ts'
import { shuffledIndexes } from '../math/random.ts'
import type { Checkpoint, Outcomes, Resources, StrategyModule } from '../types.ts'
import { type GroupBy, groupsOf } from './groups.ts'
import { measuredRows, selectRows } from './outcomes.ts'
import { requireWinRates } from './win_rates.ts'

/** Rows to learn from and rows to test on: indexes, ascending, disjoint. */
export interface Split {
  readonly train: Int32Array
  readonly test: Int32Array
}

/** How to cross-validate, and whom to tell. */
export interface CrossValidationOptions {
  /** 2 or more; each row is tested once, by weights that were fitted on the rows of the other folds. */
  readonly folds: number
  /** Of the folds. */
  readonly seed: number
  /** What stays in one fold besides repeats of a prompt. */
  readonly groupBy?: GroupBy
  /** Called after each fold. */
  readonly onProgress?: (done: number, total: number) => void
}

/**
 * Out-of-fold win rates, one per row, pooled over the folds.
 * @throws UsageError where there is too little to split, or a fold too little to learn from (NaN win rates).
 */
export async function crossValidatedWinRates(
  module: StrategyModule,
  outcomes: Outcomes,
  resources: Resources,
  { folds, seed, groupBy, onProgress }: CrossValidationOptions,
): Promise<Float64Array> {
  const winRates = new Float64Array(outcomes.prompts.length)
  for (const [done, { train, test }] of splitsOf(outcomes, folds, seed, groupBy).entries()) {
    const [prompts, ids] = [outcomes.prompts, outcomes.ids].map(all => Array.from(test, row => all[row]!))
    const { strategyId, rates } = await fitAndScore(module, selectRows(outcomes, train), prompts!, resources)
    requireWinRates(strategyId, rates, ids)
    for (const [i, row] of test.entries()) winRates[row] = rates[i]!
    onProgress?.(done + 1, folds)
  }
  return winRates
}

/** Fits on `train` and scores `prompts`, one win rate per prompt; a strategy that has nothing to learn just scores. */
export async function fittedWinRates(
  module: StrategyModule,
  train: Outcomes,
  prompts: readonly string[],
  resources: Resources,
): Promise<Float64Array> {
  return (await fitAndScore(module, train, prompts, resources)).rates
}

async function fitAndScore(
  module: StrategyModule,
  train: Outcomes,
  prompts: readonly string[],
  resources: Resources,
): Promise<{ strategyId: string; rates: Float64Array }> {
  if (!module.fit) {
    const strategy = await module.create(resources)
    return { strategyId: 'strategy', rates: await strategy.winRate(prompts) }
  }
  const checkpoint: Checkpoint = await module.fit(train, resources)
  const strategy = await module.create({ ...resources, checkpoint: async () => checkpoint })
  return { strategyId: checkpoint.metadata.strategy, rates: await strategy.winRate(prompts) }
}

/**
 * A fold 0..folds-1 for each row: groups (repeats of a prompt, or whole categories) in a seeded random order, each to the
 * fold that is smallest so far.
 * @throws UsageError where there are fewer groups than folds.
 */
export function foldsOf(outcomes: Outcomes, folds: number, seed: number, groupBy?: GroupBy): Int32Array {
  const groups = groupsOf(outcomes, groupBy)
  if (!(Number.isInteger(folds) && folds >= 2))
    throw new UsageError(`folds (--cv or --folds): expected 2 or more, got ${folds}.`)
  if (groups.length < folds) {
    const found = groupBy ? `separate groups by ${groupBy}` : 'different prompts'
    throw new UsageError(
      `folds (--cv or --folds): expected at least ${folds} ${found}, got ${groups.length}. Ask for fewer folds.`,
    )
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
 * `size` random rows with scores of both models to learn from; the rows of all other groups to test on. A group that is cut
 * to make the size exact is tested no more. Rows without both scores come along on either side and are not counted.
 * @throws UsageError where no row with both scores would be left to test on.
 */
export function drawSplit(outcomes: Outcomes, size: number, seed: number, groupBy?: GroupBy): Split {
  const split = drawRows(outcomes, size, seed, groupBy)
  if (measuredRows(selectRows(outcomes, split.test)).length === 0) {
    const other = groupBy ? `other groups by ${groupBy}` : 'other prompts'
    const rows = measuredRows(outcomes).length
    throw new UsageError(
      `--train-size: expected rows of ${other} left to test on, got none: the file has ${rows} rows with scores of both models, and ${size} are to be learned from. Ask for fewer.`,
    )
  }
  return split
}

/** The same split, whether or not it leaves anything to test on. */
export function drawRows(outcomes: Outcomes, size: number, seed: number, groupBy?: GroupBy): Split {
  const groups = groupsOf(outcomes, groupBy)
  const measured = new Set(measuredRows(outcomes))
  const train: number[] = []
  const test: number[] = []
  let counted = 0
  for (const index of shuffledIndexes(groups.length, seed)) {
    const isTested = counted >= size
    for (const row of groups[index]!) {
      if (isTested) test.push(row)
      else if (!measured.has(row)) train.push(row)
      else if (counted++ < size) train.push(row)
    }
  }
  return { train: Int32Array.from(train).sort(), test: Int32Array.from(test).sort() }
}
