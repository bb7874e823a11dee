import { UsageError } from '../errors.ts'

/** What a call is expected to cost. */
export interface Prediction {
  /** US dollars; undefined where a price is not known. */
  readonly cost: number | undefined
  /** Whether nothing is known yet of how long answers are. */
  readonly isGuess: boolean
}

/** Dollars that may be spent, with those set aside for what is under way. */
export interface Budget {
  /** Whether there is a limit: without one nothing has to be predicted. */
  readonly isLimited: boolean
  /**
   * Sets aside what a call is expected to cost: `yes`; `wait` where it does not fit with what is under way, of which the true
   * cost is about to be known; else `no`. A guess alone never says no while dollars are left: one call is made to know better.
   * Throws UsageError where there is a limit and the cost is not known.
   */
  reserve(expected: Prediction, models: readonly string[]): 'yes' | 'wait' | 'no'
  /** A call has ended: what was set aside for it becomes what it cost. */
  settle(expected: Prediction, cost: number): void
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
  let underWay = 0
  return {
    isLimited: limit !== undefined,
    reserve({ cost, isGuess }, models) {
      if (limit === undefined) return 'yes'
      if (cost === undefined) {
        throw new UsageError(
          `--max-dollars: expected the prices of ${models.join(', ')}, got none. Give them input_price and output_price in llmroute.yaml.`,
        )
      }
      const fits = spent + reserved + cost <= limit
      if (!fits && underWay > 0) return 'wait'
      if (!fits && !(isGuess && spent < limit)) return 'no'
      reserved += cost
      underWay++
      return 'yes'
    },
    settle({ cost = 0 }, paid) {
      spent += paid
      if (limit === undefined) return
      underWay--
      // Sums of many small numbers leave a rest.
      reserved = underWay === 0 ? 0 : reserved - cost
    },
    spent: () => spent,
  }
}
