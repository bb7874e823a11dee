import { sleep } from '../upstream/sleep.ts'
import { createBudgets } from './budgets.ts'
import type { ApiError } from './envelope.ts'
import { createRates } from './rates.ts'
import type { Client } from './server_types.ts'

/** What keys may still do. One place keeps it for all processes of a server; where that is another process, answers take a moment. */
export interface Allowances {
  /** Takes a request from what a key may send. Gives why it may not be sent; undefined where it may. */
  take(client: Client): Answer<ApiError | undefined>
  /**
   * Sets US dollars of a key's budget aside for a request. Gives why it may not be sent, else what is to be called once, when the
   * request has ended and its cost was told.
   */
  reserve(client: Client, dollars: number): Answer<ApiError | (() => void)>
}

type Answer<T> = T | Promise<T>

/** Milliseconds between two looks at whether requests under way have ended. */
const STEP = 5

/**
 * Keeps rates and budgets in this process.
 * @param patience milliseconds that a request waits where others under way may cost what is left of its key's budget: those that
 * other processes answer have ended a moment before that is told.
 */
export function createAllowances(
  now: () => number,
  patience = 0,
): Allowances & { spend(name: string, dollars: number): void } {
  const rates = createRates(now)
  const budgets = createBudgets(now)
  const take = (client: Client) => budgets.refusal(client) ?? rates.take(client)
  const reserve = (client: Client, dollars: number) => budgets.refusal(client) ?? budgets.reserve(client, dollars)
  return {
    spend: budgets.spend,
    take: client => (isHeldUp(client) ? othersEnded(client).then(() => take(client)) : take(client)),
    reserve: (client, dollars) =>
      isHeldUp(client) ? othersEnded(client).then(() => reserve(client, dollars)) : reserve(client, dollars),
  }

  /** Whether nothing but requests under way stands against another. */
  function isHeldUp(client: Client): boolean {
    return patience > 0 && budgets.refusal(client)?.retryAfter !== undefined
  }

  async function othersEnded(client: Client): Promise<void> {
    for (let waited = 0; waited < patience && isHeldUp(client); waited += STEP) await sleep(STEP)
  }
}
