import type { Policy } from '../types.ts'
import { singleDecision, weightOf } from './single_decision.ts'
import { createSmoothTurns } from './smooth_turns.ts'

/** Turns in proportion to the `weight` of each model, spread evenly (nginx's smooth weighted round robin). */
export function create(): Policy {
  const turns = createSmoothTurns()
  return {
    async decide(requests, { models }) {
      return requests.map(({ candidates = models }) => {
        if (candidates.length === 0) return undefined
        const chosen = turns.next(candidates)
        const reason = { kind: 'rule', name: 'its turn by weight', weight: weightOf(chosen) } as const
        return singleDecision('weighted_round_robin', chosen, reason, candidates, model => ({
          score: turns.credit(model),
          reason: 'its turn comes later',
        }))
      })
    },
  }
}
