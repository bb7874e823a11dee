import { fitDenseRidge, type LinearFit, valueAt } from '../math/dense_ridge.ts'
import { fitPromptSpace } from '../strategies/prompt_space.ts'
import type { Checkpoint, Outcomes, Resources, StrategyModule } from '../types.ts'
import { splitsOf } from './cross_validation.ts'
import { selectRows } from './outcomes.ts'
import { type TrainingOptions, withTraining } from './training.ts'
import { requireWinRates } from './win_rates.ts'

/** What one's own traffic has earned: most rows know one model's score only. */
export interface LoggedOutcomes {
  readonly outcomes: Outcomes
  /** Per row, whether what chose the model did not look at the prompt. */
  readonly isRandom: readonly boolean[]
}

/** What training on a log gives. */
export interface LoggedTraining {
  readonly checkpoint: Checkpoint
  /** Out-of-fold, one a row. */
  readonly winRates: Float64Array
  /** The rows that can be tested on, `strong` and `weak` without bias on average; undefined where there are none. */
  readonly tested: { readonly outcomes: Outcomes; readonly winRates: Float64Array } | undefined
}

/** Of the squared weights of a model's expected score; from 0.03 to 0.3 it does the same. */
const PENALTY = 0.1

/**
 * Trains on rows of which most know one model's score. What a model would have earned on a row that another answered is filled
 * in by ridge regression on the rows that it answered itself (the X-learner of Künzel and others 2019), for each fold without
 * the rows that are tested. These are real scores where both are known, else, where the model was chosen without regard
 * to the prompt, doubly robust ones: expected + (earned − expected) / share of the requests for the model that answered
 * (Robins and others 1994), which are right on average whatever was filled in. Other rows are not tested.
 * @param logged every model in it has scores on some rows of every fold.
 */
export async function trainOnLog(
  module: StrategyModule & Required<Pick<StrategyModule, 'fit'>>,
  { outcomes, isRandom }: LoggedOutcomes,
  resources: Resources,
  { folds, seed, date, onProgress }: TrainingOptions,
): Promise<LoggedTraining> {
  const { vectors, space } = await fitPromptSpace(outcomes.prompts, await resources.embedder())
  const width = space.dimensions
  const all = Int32Array.from(outcomes.prompts.keys())
  const { strong, weak } = outcomes.sources[0]!
  const share = strongShare(outcomes, isRandom)
  const winRates = new Float64Array(all.length)
  const robust = { strong: new Float64Array(all.length), weak: new Float64Array(all.length) }
  for (const [done, { train, test }] of splitsOf(outcomes, folds, seed).entries()) {
    const fits = fitModels(outcomes, vectors, width, train)
    const checkpoint = await module.fit(selectRows(filled(outcomes, fits, vectors), train), resources)
    const strategy = await module.create({ ...resources, checkpoint: async () => checkpoint })
    const rates = await strategy.winRate(Array.from(test, row => outcomes.prompts[row]!))
    requireWinRates(
      checkpoint.metadata.strategy,
      rates,
      Array.from(test, row => outcomes.ids[row]!),
    )
    for (const [i, row] of test.entries()) {
      winRates[row] = rates[i]!
      const expected = { strong: valueAt(fits[strong]!, vectors, row), weak: valueAt(fits[weak]!, vectors, row) }
      const scores = { strong: outcomes.strong[row]!, weak: outcomes.weak[row]! }
      robust.strong[row] = robustScore(scores.strong, scores.weak, expected.strong, share, isRandom[row]!)
      robust.weak[row] = robustScore(scores.weak, scores.strong, expected.weak, 1 - share, isRandom[row]!)
    }
    onProgress?.(done + 1, folds)
  }
  const whole = filled(outcomes, fitModels(outcomes, vectors, width, all), vectors)
  const fitted = await module.fit(whole, resources)
  const testable = all.filter(row => !Number.isNaN(robust.strong[row]!) && !Number.isNaN(robust.weak[row]!))
  const tested = {
    outcomes: selectRows({ ...outcomes, ...robust }, testable),
    winRates: Float64Array.from(testable, row => winRates[row]!),
  }
  return {
    checkpoint: withTraining(fitted, whole, winRates, { seed, date }),
    winRates,
    tested: testable.length > 0 ? tested : undefined,
  }
}

/** Of the rows with one score of the pair that were chosen at random, those of strong. */
function strongShare({ strong, weak }: Outcomes, isRandom: readonly boolean[]): number {
  let [ofStrong, ofWeak] = [0, 0]
  for (const [row, random] of isRandom.entries()) {
    if (!random || Number.isNaN(strong[row]!) === Number.isNaN(weak[row]!)) continue
    if (Number.isNaN(weak[row]!)) ofStrong++
    else ofWeak++
  }
  return ofStrong / (ofStrong + ofWeak)
}

/** NaN where it cannot be known. @param chance that this side was chosen. */
function robustScore(own: number, other: number, expected: number, chance: number, isRandom: boolean): number {
  if (!Number.isNaN(own) && !Number.isNaN(other)) return own
  if (!isRandom || (Number.isNaN(own) && Number.isNaN(other))) return Number.NaN
  return Number.isNaN(own) ? expected : expected + (own - expected) / chance
}

/** One a model, on the rows that know its score. */
function fitModels({ scores, models }: Outcomes, vectors: Float32Array, width: number, rows: Int32Array): LinearFit[] {
  return models.map((_, m) => {
    const targets = Float64Array.from(
      { length: scores.length / models.length },
      (_, row) => scores[row * models.length + m]!,
    )
    return fitDenseRidge(
      vectors,
      width,
      targets,
      rows.filter(row => !Number.isNaN(targets[row]!)),
      PENALTY,
    )
  })
}

/** Every score: the known ones, and what is expected where none is. */
function filled(outcomes: Outcomes, fits: readonly LinearFit[], vectors: Float32Array): Outcomes {
  const { models, prompts, sources } = outcomes
  const scores = outcomes.scores.map((score, at) => {
    if (!Number.isNaN(score)) return score
    return Math.min(1, Math.max(0, valueAt(fits[at % models.length]!, vectors, Math.floor(at / models.length))))
  })
  const side = (model: number) => Float64Array.from(prompts, (_, row) => scores[row * models.length + model]!)
  return { ...outcomes, scores, strong: side(sources[0]!.strong), weak: side(sources[0]!.weak) }
}
