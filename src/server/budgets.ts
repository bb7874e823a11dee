import type { ApiError } from './envelope.ts'
import type { Client } from './server_types.ts'

/** What each key has spent today (UTC), and what its requests under way are expected to, in US dollars. */
export interface Budgets {
  spend(name: string, dollars: number): void
  /** Why a key may not ask now; undefined where it may. */
  refusal(client: Client): ApiError | undefined
  /** Sets aside what a request is expected to cost. What it gives is called once, when its true cost was spent or there is none. */
  reserve(client: Client, dollars: number): () => void
}

const DAY = 86_400_000

/** Begins anew at midnight UTC; what is under way then counts for the new day, as its cost will. */
export function createBudgets(now: () => number): Budgets {
  let day = -1
  const spent = new Map<string, number>()
  const reserved = new Map<string, { dollars: number; requests: number }>()
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
      if (dailyBudget === undefined) return undefined
      const paid = today().get(name) ?? 0
      if (paid >= dailyBudget) return used(dailyBudget)
      return paid + (reserved.get(name)?.dollars ?? 0) >= dailyBudget ? underWay(dailyBudget) : undefined
    },
    reserve({ name, dailyBudget = 0 }, dollars) {
      // A client may ask for answers without end: beyond the budget nothing more can be set aside, and infinity never given back.
      const amount = dollars > 0 ? Math.min(dollars, dailyBudget) : 0
      const held = reserved.get(name) ?? { dollars: 0, requests: 0 }
      reserved.set(name, held)
      held.dollars += amount
      held.requests++
      return () => {
        held.requests--
        // Sums of many small numbers leave a rest.
        held.dollars = held.requests === 0 ? 0 : held.dollars - amount
      }
    },
  }
}

function used(dailyBudget: number): ApiError {
  return {
    status: 429,
    type: 'insufficient_quota',
    code: 'insufficient_quota',
    message: `This key may spend $${dailyBudget} a day (UTC), and has.`,
  }
}

/** Other than `used`, this passes. */
function underWay(dailyBudget: number): ApiError {
  return {
    status: 429,
    type: 'rate_limit_error',
    code: 'rate_limit_exceeded',
    message: `This key may spend $${dailyBudget} a day (UTC), and its requests under way may cost what is left. Try again when they have ended.`,
    retryAfter: 1,
  }
}
