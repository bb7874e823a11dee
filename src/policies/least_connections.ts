import type { Policy } from '../types.ts'
import { createInFlight } from './in_flight.ts'
import { singleDecision, weightOf } from './single_decision.ts'
import { createSmoothTurns } from './smooth_turns.ts'

/**
 * The model with the fewest requests in flight for its `weight`; where several have equally few, they take turns by weight, as in
 * nginx's least_conn. What one batch sends to a model counts as in flight for the rest of the batch.
 */
export function create(): Policy {
  const turns = createSmoothTurns()
  return {
    async decide(requests, { models, statistics }) {
      const inFlight = createInFlight(statistics)
      return requests.map(({ candidates = models }) => {
        if (candidates.length === 0) return undefined
        const loads = candidates.map(model => inFlight.of(model.id) / weightOf(model))
        const least = Math.min(...loads)
        const free = candidates.filter((_, i) => loads[i] === least)
        const chosen = free.length === 1 ? free[0]! : turns.next(free)
        inFlight.add(chosen.id)
        const name =
          free.length === 1 ? 'requests in flight per weight' : 'requests in flight per weight, a tie: its turn'
        const reason = { kind: 'statistic', name, weight: least } as const
        return singleDecision('least_connections', chosen, reason, candidates, (_, i) => ({
          score: -loads[i]!,
          reason: loads[i] === least ? 'as few in flight, its turn comes later' : 'more requests in flight per weight',
        }))
      })
    },
  }
}
