import { resolve } from 'node:path'
import { DataError, UsageError } from '../errors.ts'
import { hashPrompts, unseenRows } from '../evaluation/contamination.ts'
import { type Draw, planDraws } from '../evaluation/draws.ts'
import type { Entrant } from '../evaluation/entrants.ts'
import type { GroupBy } from '../evaluation/groups.ts'
import { measuredRows } from '../evaluation/outcomes.ts'
import { ANSWER_TOKENS, withEstimatedCosts } from '../evaluation/pricing.ts'
import { CHARACTERS_PER_TOKEN } from '../text/tokens.ts'
import type { Outcomes } from '../types.ts'
import { resolveDataset } from './catalog.ts'
import { readConfig } from './config.ts'
import { openEntrants } from './eval_entrants.ts'
import type { OutcomesForm } from './outcome_columns.ts'
import { readOutcomes } from './outcomes.ts'
import type { PairIds } from './pair_choice.ts'
import { environmentConfig } from './router_options.ts'

/** What an evaluation is made from. */
export interface EvalOptions {
  readonly strategies?: readonly string[]
  readonly checkpoints: readonly string[]
  readonly strong?: string
  readonly weak?: string
  readonly folds?: number
  readonly groupBy?: GroupBy
  /** What is counted apart besides the whole. */
  readonly by?: GroupBy
  /** Ascending; one table each. */
  readonly trainSizes: readonly number[]
  readonly draws: number
  readonly trainOn: readonly string[]
  readonly seed: number
  readonly embedder?: string
  readonly allowSeen: boolean
  readonly skipBad: boolean
  readonly promptColumn?: string
  /** Path of the configuration. Default: `LLMROUTE_CONFIG`, else llmroute.yaml in the working directory or above it. */
  readonly config?: string
}

/** Everything read and decided, nothing measured yet. */
export interface EvalPlan {
  readonly outcomes: Outcomes
  readonly form: OutcomesForm | 'mixed'
  readonly pair: PairIds
  /** Rows with scores of both models; those that training has seen are among them. */
  readonly rows: number
  /** Rows whose prompt training has seen. */
  readonly seen: number
  /** Bad rows left out. */
  readonly skipped: number
  readonly stages: readonly { readonly trainSize: number | undefined; readonly draws: readonly Draw[] }[]
  readonly entrants: readonly Entrant[]
  /** Id of the strategy that `--min-apgr` is about. */
  readonly first: string
  readonly notes: readonly string[]
  /** Ends the threads that entrants are scored on, where something failed. */
  close(): Promise<void>
}

/**
 * Reads outcomes, checkpoints and training files, and decides what is trained and tested on which rows.
 * @throws UsageError, DataError
 */
export async function planEvaluation(file: string, options: EvalOptions): Promise<EvalPlan> {
  const { strong, weak, promptColumn, skipBad, folds, trainSizes, trainOn, seed } = options
  const path = resolveDataset(file)
  const named = { ...(promptColumn === undefined ? {} : { promptColumn }), skipBad }
  const pairFlags = { ...(strong === undefined ? {} : { strong }), ...(weak === undefined ? {} : { weak }) }
  const read = await readOutcomes([path], { ...named, ...pairFlags })
  const notes: string[] = []
  const outcomes = await withCosts(read.outcomes, options.config ?? environmentConfig(), notes)
  if (options.by) requireCategories(outcomes, path, '--by')
  const pair = pairOf(outcomes)
  const trainFiles = withoutTested(trainOn.map(resolveDataset), path, notes)
  const trained = trainFiles.length > 0 ? await readOutcomes(trainFiles, { ...named, preferred: pair }) : undefined
  if (options.groupBy) requireCategories(trained?.outcomes ?? outcomes, trainFiles.join(', ') || path, '--group-by')

  const measured = measuredRows(outcomes)
  if (measured.length === 0) {
    throw new DataError(path, undefined, `expected rows with scores of ${pair.strong} and ${pair.weak}, got none.`)
  }
  if (measured.length < outcomes.prompts.length) {
    notes.push(`${outcomes.prompts.length - measured.length} rows without scores of both models are not tested.`)
  }
  const trains = folds !== undefined || trainSizes.length > 0 || trained !== undefined
  const isAsked = trains || options.checkpoints.length > 0 || options.strategies !== undefined
  const configured = isAsked ? undefined : await configuredCheckpoint(options.config)
  const opened = await openEntrants(outcomes, {
    ...options,
    ...(configured ? { configured: configured.file } : {}),
    pair,
    trains,
  })
  const { entrants, first, seen, unchecked, close } = opened
  if (configured) notes.push(`${opened.configuredId}: measured with ${configured.file}, as ${configured.by} says.`)
  for (const { id, file: checkpoint } of unchecked) {
    notes.push(
      `${id}: ${checkpoint} does not say which prompts it was trained on, so whether it has seen these cannot be checked.`,
    )
  }
  const sources = trained ? [...seen, { id: '--train-on', hashes: hashPrompts(trained.outcomes.prompts).sort() }] : seen
  const hashes = hashPrompts(outcomes.prompts)
  const unseen = new Set(
    unseenRows(
      hashes,
      sources.map(source => source.hashes),
    ),
  )
  const fresh = measured.filter(row => unseen.has(row))
  const tested = options.allowSeen ? measured : fresh
  const seenCount = measured.length - fresh.length
  if (tested.length === 0) {
    const by = sources.map(({ id }) => id).join(', ')
    throw new UsageError(
      `${file}: expected prompts that training has not seen, got ${seenCount} of ${measured.length} seen (by ${by}). Pass --cv 5 to train and test by folds, or --allow-seen to test on them all the same.`,
    )
  }
  const sizes = trainSizes.length > 0 ? trainSizes : [undefined]
  const stages = sizes.map(trainSize => {
    const { groupBy, draws } = options
    const plan = { seed, folds, groupBy, trainSize, draws, trainOn: trained?.outcomes }
    return { trainSize, draws: planDraws(outcomes, tested, plan) }
  })
  return {
    outcomes,
    form: read.form,
    pair,
    rows: measured.length,
    seen: seenCount,
    skipped: read.skipped + (trained?.skipped ?? 0),
    stages,
    entrants,
    first,
    notes,
    close,
  }
}

/** What is tested is not trained on, unless there is nothing else: then its prompts are found to have been seen. */
function withoutTested(files: readonly string[], tested: string, notes: string[]): readonly string[] {
  const others = files.filter(file => resolve(file) !== resolve(tested))
  if (others.length === 0 || others.length === files.length) return files
  notes.push(`${tested} is tested, so it was left out of --train-on.`)
  return others
}

function pairOf({ models, sources }: Outcomes): PairIds {
  const { strong, weak } = sources[0]!
  return { strong: models[strong]!, weak: models[weak]! }
}

/** Throws DataError where no row has a category. */
function requireCategories({ categories }: Outcomes, file: string, flag: string): void {
  if (categories.every(category => category === '')) {
    throw new DataError(file, undefined, `expected a column category for ${flag}, got none.`)
  }
}

/** The weights that routing would use here, and who names them. */
async function configuredCheckpoint(path: string | undefined): Promise<{ file: string; by: string } | undefined> {
  const { LLMROUTE_CHECKPOINT } = process.env
  if (LLMROUTE_CHECKPOINT) return { file: LLMROUTE_CHECKPOINT, by: 'LLMROUTE_CHECKPOINT' }
  const { checkpoint, file } = await readConfig(path ?? environmentConfig())
  return checkpoint === undefined ? undefined : { file: checkpoint, by: file! }
}

/** Costs of the file, else estimated ones where the configuration has prices of the models. */
async function withCosts(outcomes: Outcomes, config: string | undefined, notes: string[]): Promise<Outcomes> {
  // One that was named is read all the same: a wrong name must not go unnoticed.
  if (outcomes.costs && config === undefined) return outcomes
  const { models = [], file } = await readConfig(config)
  if (outcomes.costs) return outcomes
  const priced = withEstimatedCosts(outcomes, models)
  if (priced.costs) {
    notes.push(
      `costs are estimated from the prices in ${file}: ${CHARACTERS_PER_TOKEN} characters a token, ${ANSWER_TOKENS} tokens an answer.`,
    )
  }
  return priced
}
