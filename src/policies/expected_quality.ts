import type { Model, ModelPair, Strategy } from '../types.ts'

/**
 * What a strategy expects each model to earn on each prompt, row-major prompts × models. A strategy that learned no more than a pair
 * gives its win rate for strong and 1 − that for weak: each one's expected score against the other.
 * @returns NaN for models of which it says nothing.
 * @throws UsageError for a model that its weights do not know.
 */
export async function expectedQuality(
  strategy: Strategy,
  prompts: readonly string[],
  models: readonly Model[],
  pair: ModelPair | undefined,
): Promise<Float64Array> {
  const ids = models.map(({ id }) => id)
  if (strategy.quality) return strategy.quality(prompts, ids)
  const winRates = await strategy.winRate(prompts)
  const qualities = new Float64Array(prompts.length * models.length).fill(Number.NaN)
  for (const [row, winRate] of winRates.entries()) {
    for (const [i, id] of ids.entries()) {
      if (id === pair?.strong.id) qualities[row * ids.length + i] = winRate
      else if (id === pair?.weak.id) qualities[row * ids.length + i] = 1 - winRate
    }
  }
  return qualities
}
