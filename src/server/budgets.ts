import type { ApiError } from './envelope.ts'
import type { Client } from './server_types.ts'

/** What each key has spent today (UTC), in US dollars. */
export interface Budgets {
  spend(name: string, dollars: number): void
  /** Why a key may not ask now; undefined where it may. */
  refusal(client: Client): ApiError | undefined
}

const DAY = 86_400_000

/** Begins anew at midnight UTC. */
export function createBudgets(now: () => number): Budgets {
  let day = -1
  const spent = new Map<string, number>()
  const today = () => {
    const current = Math.floor(now() / DAY)
    if (current !== day) spent.clear()
    day = current
    return spent
  }
  return {
    spend(name, dollars) {
      today().set(name, (today().get(name) ?? 0) + dollars)
    },
    refusal({ name, dailyBudget }) {
      if (dailyBudget === undefined || (today().get(name) ?? 0) < dailyBudget) return undefined
      return {
        status: 429,
        type: 'insufficient_quota',
        code: 'insufficient_quota',
        message: `This key may spend $${dailyBudget} a day (UTC), and has.`,
      }
    },
  }
}
