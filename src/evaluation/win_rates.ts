import { UsageError } from '../errors.ts'

/**
 * Lets no NaN into a ranking, where it would compare with nothing and stand anywhere.
 * @param ids what the rows are called, one per win rate; default: their numbers, from 1.
 * @throws UsageError that names the strategy and the first row without a win rate.
 */
export function requireWinRates(strategyId: string, winRates: Float64Array, ids?: readonly string[]): void {
  const bad = winRates.findIndex(Number.isNaN)
  if (bad < 0) return
  throw new UsageError(
    `${strategyId}: expected a win rate for every row, got NaN for row ${ids?.[bad] ?? bad + 1}. Where it is trained here, give it more rows with scores of both models.`,
  )
}
