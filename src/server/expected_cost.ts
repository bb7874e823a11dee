import { roughInputTokens } from '../policies/input_tokens.ts'
import { expectedOutputTokens, predictedCost } from '../policies/predicted_cost.ts'
import type { Model, PoolStatistics } from '../types.ts'
import type { Decided } from './deciding.ts'

/** Tokens of an answer where neither the request nor anything about its model says how long it gets. */
const ASSUMED_TOKENS = 1000

/**
 * US dollars to set aside for a request: its text, images and definitions of tools at the input price, and the longest answer that
 * it allows, else the mean of the model's answers so far, at the output price; times `n`. Of the chosen model, or of all that a
 * plan asks together. What has no price counts nothing.
 */
export function expectedCost(
  { request, decision, models }: Decided,
  body: Readonly<Record<string, unknown>>,
  hasOutput: boolean,
  statistics: PoolStatistics | undefined,
): number {
  const { needs = {} } = request
  const inputTokens = roughInputTokens(request)
  const outputTokensOf = (model: Model) => {
    if (!hasOutput) return 0
    const each = needs.outputTokens ?? expectedOutputTokens(model, {}, statistics) ?? ASSUMED_TOKENS
    return Math.min(each, model.maxOutputTokens ?? Number.POSITIVE_INFINITY) * (countOf(body.n) ?? 1)
  }
  return models
    .slice(0, decision.models.length)
    .reduce(
      (sum, model) => sum + (predictedCost({ ...model, outputTokens: outputTokensOf(model) }, { inputTokens }) ?? 0),
      0,
    )
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 ? value : undefined
}
