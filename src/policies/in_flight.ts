import type { PoolStatistics } from '../types.ts'

/** Requests in flight, those that this batch has decided included. */
export interface InFlight {
  of(model: string): number
  /** The batch sends a request to the model. */
  add(model: string): void
}

/** What is in flight as one batch of decisions sees it: what was measured when it began, and its own decisions. */
export function createInFlight(statistics: PoolStatistics | undefined): InFlight {
  const own = new Map<string, number>()
  return {
    of: model => (statistics?.of(model).inFlight ?? 0) + (own.get(model) ?? 0),
    add: model => {
      own.set(model, (own.get(model) ?? 0) + 1)
    },
  }
}
