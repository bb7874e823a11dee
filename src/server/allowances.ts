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

/** Keeps rates and budgets in this process. */
export function createAllowances(now: () => number): Allowances & { spend(name: string, dollars: number): void } {
  const rates = createRates(now)
  const budgets = createBudgets(now)
  return {
    spend: budgets.spend,
    take: client => budgets.refusal(client) ?? rates.take(client),
    reserve: (client, dollars) => budgets.refusal(client) ?? budgets.reserve(client, dollars),
  }
}
