import { CHARACTERS_PER_TOKEN } from '../text/tokens.ts'
import type { Model, Outcomes } from '../types.ts'

/** What an answer is taken to be where only prices are known. */
export const ANSWER_TOKENS = 300

/** The outcomes with costs estimated from the prices of `models`, found by id; as they are where no pair has both prices. */
export function withEstimatedCosts(outcomes: Outcomes, models: readonly Model[]): Outcomes {
  const priced = outcomes.models.map(id => models.find(model => model.id === id))
  const isPriced = (index: number) => priced[index] !== undefined && estimatedCost('', priced[index]) !== undefined
  if (!outcomes.sources.some(({ strong, weak }) => isPriced(strong) && isPriced(weak))) return outcomes
  const costs = new Float64Array(outcomes.scores.length).fill(Number.NaN)
  for (const [row, prompt] of outcomes.prompts.entries()) {
    for (const [m, model] of priced.entries()) {
      if (model) costs[row * priced.length + m] = estimatedCost(prompt, model) ?? Number.NaN
    }
  }
  return { ...outcomes, costs }
}

/** US dollars for one answer, from prices per million tokens; undefined where the model has none. */
function estimatedCost(prompt: string, { inputPrice, outputPrice }: Model): number | undefined {
  if (inputPrice === undefined && outputPrice === undefined) return undefined
  const inputTokens = Math.ceil(prompt.length / CHARACTERS_PER_TOKEN)
  return (inputTokens * (inputPrice ?? 0) + ANSWER_TOKENS * (outputPrice ?? 0)) / 1e6
}
