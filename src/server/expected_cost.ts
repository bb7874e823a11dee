import { roughInputTokens } from '../policies/input_tokens.ts'
import { expectedOutputTokens, predictedCost } from '../policies/predicted_cost.ts'
import type { Model, PoolStatistics, RouteRequest } from '../types.ts'
import type { Decided } from './deciding.ts'

/** Tokens of an answer where neither the request nor anything about its model says how long it gets. */
const ASSUMED_TOKENS = 1000

/**
 * US dollars to set aside for a request: its text, images and definitions of tools at the input price, and the longest answer that
 * it allows, else the mean of the model's answers so far, at the output price, for each answer that it asks for. Of the dearest
 * model that may answer, the chosen one or what takes over from it; of a plan, of all that it asks. What has no price counts nothing.
 */
export function expectedCost(
  { request, decision, models }: Decided,
  body: Readonly<Record<string, unknown>>,
  hasOutput: boolean,
  statistics: PoolStatistics | undefined,
): number {
  const inputTokens = roughInputTokens(request)
  const answers = answersIn(body)
  const costOf = (model: Model) =>
    predictedCost({ ...model, outputTokens: outputTokensOf(model) }, { inputTokens }) ?? 0
  if (decision.plan === 'single') return Math.max(...models.map(costOf))
  const { accept, models: asked } = decision
  // The last answer of a cascade is taken as it is.
  const draws = (place: number) => (place < asked.length - 1 ? (accept?.samples ?? 1) : 1)
  return models.slice(0, asked.length).reduce((sum, model, place) => sum + costOf(model) * draws(place), 0)

  function outputTokensOf(model: Model): number {
    return hasOutput ? longestAnswer(model, request, statistics) * answers : 0
  }
}

/** Tokens of the longest answer that a request allows, else the mean of the model's answers so far, else a thousand. */
export function longestAnswer(model: Model, { needs }: RouteRequest, statistics: PoolStatistics | undefined): number {
  const each = needs?.outputTokens ?? expectedOutputTokens(model, {}, statistics) ?? ASSUMED_TOKENS
  return Math.min(each, model.maxOutputTokens ?? Number.POSITIVE_INFINITY)
}

/** Answers that a model writes: `n`, or of Completions as many as the best is to be taken of, for each prompt of a list. */
function answersIn({ n, best_of: bestOf, prompt }: Readonly<Record<string, unknown>>): number {
  const isList = Array.isArray(prompt) && (typeof prompt[0] === 'string' || Array.isArray(prompt[0]))
  return Math.max(countOf(n), countOf(bestOf)) * (isList ? prompt.length : 1)
}

function countOf(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : 1
}
