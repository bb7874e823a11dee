import { UsageError } from '../errors.ts'

/** Dollars that may be spent, with those set aside for what is under way. */
export interface Budget {
  /**
   * Sets aside what a call is expected to cost; false where that would pass the limit.
   * Throws UsageError where there is a limit and the cost is not known.
   */
  reserve(expected: number | undefined, model: string): boolean
  /** A call has ended: what was set aside for it becomes what it cost. */
  settle(expected: number | undefined, cost: number): void
  /** US dollars. */
  spent(): number
}

/**
 * @param limit US dollars; absent: none.
 * @param before spent by earlier runs.
 */
export function createBudget(limit: number | undefined, before: number): Budget {
  let spent = before
  let reserved = 0
  return {
    reserve(expected, model) {
      if (limit === undefined) return true
      if (expected === undefined) {
        throw new UsageError(
          `--max-dollars: expected the prices of ${model}, got none. Give it input_price and output_price in llmroute.yaml.`,
        )
      }
      if (spent + reserved + expected > limit) return false
      reserved += expected
      return true
    },
    settle(expected, cost) {
      if (limit !== undefined) reserved -= expected ?? 0
      spent += cost
    },
    spent: () => spent,
  }
}
