import { storedQuantiles } from '../routing/calibration.ts'
import { normalizePrompt, promptHash } from '../text/hash.ts'
import type { Checkpoint, Outcomes, Resources, StrategyModule } from '../types.ts'
import { crossValidatedWinRates } from './cross_validation.ts'

/** How to train, and whom to tell. */
export interface TrainingOptions {
  /** Of the cross-validation, 2 or more. */
  readonly folds: number
  /** Of the folds; kept in the metadata. */
  readonly seed: number
  /** ISO 8601 day, for the metadata. */
  readonly date: string
  /** Called after each fold. */
  readonly onProgress?: (done: number, total: number) => void
}

/** What training gives: weights fitted on all rows, and win rates of rows that had no part in them. */
export interface Training {
  readonly checkpoint: Checkpoint
  /** Out-of-fold, one per row. */
  readonly winRates: Float64Array
}

/**
 * Cross-validates a strategy, then fits it on all rows. The checkpoint gets the quantiles of the out-of-fold win rates,
 * since those of the fitted rows would be too extreme for new prompts, and the hashes of the prompts it has seen.
 * @throws UsageError where there are fewer different prompts than folds, or too few rows with scores of both models.
 */
export async function trainStrategy(
  module: StrategyModule & Required<Pick<StrategyModule, 'fit'>>,
  outcomes: Outcomes,
  resources: Resources,
  { folds, seed, date, onProgress }: TrainingOptions,
): Promise<Training> {
  const winRates = await crossValidatedWinRates(module, outcomes, resources, {
    folds,
    seed,
    ...(onProgress ? { onProgress } : {}),
  })
  const fitted = await module.fit(outcomes, resources)
  return { winRates, checkpoint: withTraining(fitted, outcomes, winRates, { seed, date }) }
}

/** A fitted checkpoint with what it was trained on, and the quantiles of out-of-fold win rates. */
export function withTraining(
  { metadata, tensors }: Checkpoint,
  outcomes: Outcomes,
  winRates: Float64Array,
  { seed, date }: Pick<TrainingOptions, 'seed' | 'date'>,
): Checkpoint {
  const quantiles = storedQuantiles(winRates)
  const seen = BigUint64Array.from(new Set(outcomes.prompts.map(normalizePrompt)), promptHash).sort()
  const trainedOn = outcomes.sources.map(({ name, sha256 }, index) => ({
    name,
    rows: outcomes.source.filter(source => source === index).length,
    sha256,
  }))
  return {
    metadata: { ...metadata, trainedOn, date, seed },
    tensors: {
      ...tensors,
      win_rate_quantiles: { shape: [quantiles.length], data: quantiles },
      seen: { shape: [seen.length], data: seen },
    },
  }
}
