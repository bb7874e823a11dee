import { mean } from '../math/mean.ts'
import type { Model } from '../types.ts'
import { ANSWER_TOKENS } from './pricing.ts'

/**
 * Prices that make a model's costs, so that policies can predict what it will cost: the least squares of cost ≈ tokens × input
 * price + answer, with neither below 0. The price of the answer is given for `outputTokens` tokens of it.
 * @param inputTokens of each prompt.
 * @param costs US dollars of each prompt, NaN where not known.
 * @returns nothing where no cost is known.
 */
export function impliedPrices(
  inputTokens: ArrayLike<number>,
  costs: Float64Array,
  outputTokens = ANSWER_TOKENS,
): Pick<Model, 'inputPrice' | 'outputPrice' | 'outputTokens'> {
  const rows = Array.from(costs.keys()).filter(row => !Number.isNaN(costs[row]!))
  if (rows.length === 0) return {}
  const tokens = rows.map(row => inputTokens[row]!)
  const spent = rows.map(row => costs[row]!)
  const [meanTokens, meanSpent] = [mean(tokens), mean(spent)]
  const along = mean(tokens.map((count, i) => (count - meanTokens) * (spent[i]! - meanSpent)))
  const spread = mean(tokens.map(count => (count - meanTokens) ** 2))
  const slope = Math.max(0, spread > 0 ? along / spread : 0)
  const answer = meanSpent - slope * meanTokens
  const squares = mean(tokens.map(count => count ** 2))
  const isThroughZero = answer < 0 && squares > 0
  const perToken = isThroughZero ? mean(tokens.map((count, i) => count * spent[i]!)) / squares : slope
  return {
    inputPrice: 1e6 * perToken,
    outputPrice: isThroughZero ? 0 : (1e6 * Math.max(0, answer)) / outputTokens,
    outputTokens,
  }
}
