import { UsageError } from '../errors.ts'
import type { Outcomes, Resources, Strategy, StrategyModule } from '../types.ts'
import { type CrossValidationOptions, splitsOf } from './cross_validation.ts'
import { selectRows } from './outcomes.ts'
import { requireWinRates } from './win_rates.ts'

/**
 * A strategy as policies ask it, whose answers for the prompts of `outcomes` are worked out beforehand by folds: each comes
 * from weights that were fitted without its prompt.
 * @throws UsageError where there is too little to split or to learn from; later, where a win rate is asked for that could not
 * be learned, or a prompt is none of them.
 */
export async function crossValidatedStrategy(
  id: string,
  module: StrategyModule & Required<Pick<StrategyModule, 'fit'>>,
  outcomes: Outcomes,
  resources: Resources,
  { folds, seed, groupBy, onProgress }: CrossValidationOptions,
): Promise<Strategy> {
  const answers = emptyAnswers(outcomes)
  for (const [done, { train, test }] of splitsOf(outcomes, folds, seed, groupBy).entries()) {
    const checkpoint = await module.fit(selectRows(outcomes, train), resources)
    await fill(answers, await module.create({ ...resources, checkpoint: async () => checkpoint }), outcomes, test)
    onProgress?.(done + 1, folds)
  }
  return remembering(id, answers, outcomes)
}

/** The same of a strategy that has its weights already, or needs none. Models that it does not know make it one of win rates only. */
export async function rememberedStrategy(id: string, strategy: Strategy, outcomes: Outcomes): Promise<Strategy> {
  const answers = emptyAnswers(outcomes)
  await fill(answers, strategy, outcomes, Int32Array.from(outcomes.prompts.keys()))
  return remembering(id, answers, outcomes)
}

interface Answers {
  /** One a row. */
  readonly winRates: Float64Array
  /** Row-major rows × models; absent where the strategy does not predict it. */
  quality: Float64Array | undefined
}

function emptyAnswers({ prompts, scores }: Outcomes): Answers {
  return { winRates: new Float64Array(prompts.length), quality: new Float64Array(scores.length) }
}

async function fill(answers: Answers, strategy: Strategy, outcomes: Outcomes, rows: Int32Array): Promise<void> {
  const prompts = Array.from(rows, row => outcomes.prompts[row]!)
  const { models } = outcomes
  const rates = await strategy.winRate(prompts)
  for (const [i, row] of rows.entries()) answers.winRates[row] = rates[i]!
  const quality = answers.quality && (await strategy.quality?.(prompts, models).catch(unlessUnknown))
  if (!quality) answers.quality = undefined
  else
    for (const [i, row] of rows.entries())
      answers.quality!.set(quality.subarray(i * models.length, (i + 1) * models.length), row * models.length)
}

/** Weights of other models still rank prompts for a pair. */
function unlessUnknown(error: unknown): undefined {
  if (!(error instanceof UsageError)) throw error
}

function remembering(id: string, { winRates, quality }: Answers, { prompts, models, ids }: Outcomes): Strategy {
  const rows = new Map(prompts.map((prompt, row) => [prompt, row]))
  const rowOf = (prompt: string) => {
    const row = rows.get(prompt)
    if (row === undefined) throw new UsageError(`${id}: expected a prompt of the evaluated file, got another.`)
    return row
  }
  const strategy: Strategy = {
    async winRate(asked) {
      const found = asked.map(rowOf)
      const rates = Float64Array.from(found, row => winRates[row]!)
      requireWinRates(
        id,
        rates,
        found.map(row => ids[row]!),
      )
      return rates
    },
  }
  if (!quality) return strategy
  return {
    ...strategy,
    async quality(asked, wanted) {
      const columns = wanted.map(model => models.indexOf(model))
      return Float64Array.from(
        asked.flatMap(prompt => {
          const row = rowOf(prompt)
          return columns.map(column => (column < 0 ? Number.NaN : quality[row * models.length + column]!))
        }),
      )
    },
  }
}
