import type { Model, Needs, PoolStatistics } from '../types.ts'

const MILLION = 1e6

/**
 * Expected US dollars of a request: input tokens × their price + expected output tokens × theirs. Cached input counts at
 * `cachedInputPrice` where the model has one. Expected are the mean tokens of the model's answers, measured ones before
 * configured ones, and never more than are allowed.
 * @param needs with `inputTokens`; without, the input counts as not known
 * @returns undefined where a price or the expectation is not known (what it would be multiplied by is not 0).
 */
export function predictedCost(
  model: Pick<Model, 'id' | 'inputPrice' | 'outputPrice' | 'cachedInputPrice' | 'outputTokens'>,
  needs: Pick<Needs, 'inputTokens' | 'cachedTokens' | 'outputTokens'>,
  statistics?: PoolStatistics,
): number | undefined {
  const { inputPrice, outputPrice, cachedInputPrice = inputPrice } = model
  if (inputPrice === undefined || outputPrice === undefined) return undefined
  const input = inputPrice === 0 && cachedInputPrice === 0 ? 0 : needs.inputTokens
  const output = outputPrice === 0 ? 0 : expectedOutputTokens(model, needs, statistics)
  if (input === undefined || output === undefined) return undefined
  const cached = Math.min(input, needs.cachedTokens ?? 0)
  return ((input - cached) * inputPrice + cached * cachedInputPrice! + output * outputPrice) / MILLION
}

/** Mean tokens of the model's answers, measured before configured, at most as many as are allowed; undefined where not known. */
export function expectedOutputTokens(
  { id, outputTokens }: Pick<Model, 'id' | 'outputTokens'>,
  needs: Pick<Needs, 'outputTokens'>,
  statistics?: PoolStatistics,
): number | undefined {
  const measured = statistics?.of(id).outputTokens
  const mean = measured === undefined || Number.isNaN(measured) ? outputTokens : measured
  return mean === undefined ? undefined : Math.min(mean, needs.outputTokens ?? Number.POSITIVE_INFINITY)
}

/** What is missing for a predicted cost, as a phrase for a reason: `price not known`. */
export function unknownCostReason({ inputPrice, outputPrice }: Model): string {
  return inputPrice === undefined || outputPrice === undefined
    ? 'price not known'
    : 'mean length of an answer not known (output_tokens)'
}
