/** What each key has spent today (UTC), in US dollars. */
export interface Budgets {
  spend(name: string, dollars: number): void
  spentToday(name: string): number
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
    spentToday: name => today().get(name) ?? 0,
  }
}
