import { UsageError } from '../errors.ts'
import type { EarlierRun } from './ledger_history.ts'

/** What a call is expected to cost. */
export interface Prediction {
  /** US dollars; undefined where a price is not known. */
  readonly cost: number | undefined
  /** Whether nothing is known yet of how long answers are. */
  readonly isGuess: boolean
}

/** Dollars that are set aside for a call under way. */
export interface Reservation {
  /** The call has ended: they become what it cost. */
  settle(cost: number): void
}

/** Dollars that may be spent, with those set aside for what is under way. */
export interface Budget {
  /** Whether there is a limit: without one nothing has to be predicted. */
  readonly isLimited: boolean
  /**
   * Sets aside what a call is expected to cost, or what the dearest to the same models did cost so far where that is more, or
   * where the expectation is a guess. `wait` where it does not fit with what is under way, whose true cost is about to be known;
   * else `no`. A guess never says no while dollars are left and nothing is known: one call is made to know better. What costs
   * nothing always fits.
   * Throws UsageError where there is a limit and the cost is not known.
   */
  reserve(expected: Prediction, models: readonly string[]): Reservation | 'wait' | 'no'
  /** US dollars. */
  spent(): number
}

/**
 * @param limit US dollars; absent: none.
 * @param before what earlier runs have spent, in all and for the dearest answer of each model.
 */
export function createBudget(
  limit: number | undefined,
  before: Pick<EarlierRun, 'cost' | 'dearest'> | undefined,
): Budget {
  const dearest = new Map(before?.dearest)
  let spent = before?.cost ?? 0
  let reserved = 0
  let underWay = 0
  return { isLimited: limit !== undefined, reserve, spent: () => spent }

  function reserve({ cost, isGuess }: Prediction, models: readonly string[]): Reservation | 'wait' | 'no' {
    const names = models.join(', ')
    if (limit === undefined) return reservationOf(0, names)
    if (cost === undefined) {
      throw new UsageError(
        `--max-dollars: expected the prices of ${names}, got none. Give them input_price and output_price in llmroute.yaml.`,
      )
    }
    const seen = dearest.get(names)
    const least = isGuess && seen !== undefined ? seen : Math.max(cost, seen ?? 0)
    const fits = least === 0 || spent + reserved + least <= limit
    if (!fits && underWay > 0) return 'wait'
    if (!fits && !(isGuess && seen === undefined && spent < limit)) return 'no'
    return reservationOf(least, names)
  }

  function reservationOf(amount: number, names: string): Reservation {
    reserved += amount
    underWay++
    return {
      settle(cost) {
        spent += cost
        if (cost > (dearest.get(names) ?? 0)) dearest.set(names, cost)
        underWay--
        // Sums of many small numbers leave a rest.
        reserved = underWay === 0 ? 0 : reserved - amount
      },
    }
  }
}
