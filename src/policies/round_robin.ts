import type { Model, Policy, Reason } from '../types.ts'
import { createPerCandidates } from './per_candidates.ts'
import { type Rival, singleDecision } from './single_decision.ts'

/**
 * Each model in turn, in the order of the pool. A model that cannot serve a request is passed over, and the turn goes on from
 * the one that took it.
 */
export function create(): Policy {
  let turn = 0
  const placesAmong = createPerCandidates(models => new Map(models.map(({ id }, place) => [id, place])))
  return {
    async decide(requests, { models }) {
      const count = models.length
      const places = placesAmong(models)
      return requests.map(({ candidates = models }) => {
        const ahead = ({ id }: Model) => (places.get(id)! - turn + count) % count
        let chosen = candidates[0]
        for (const model of candidates) if (ahead(model) < ahead(chosen!)) chosen = model
        if (!chosen) return undefined
        turn = (places.get(chosen.id)! + 1) % count
        return singleDecision('round_robin', chosen, TURN, candidates, model => LATER[ahead(model)] ?? LATEST)
      })
    },
  }
}

const TURN: Reason = { kind: 'rule', name: 'its turn', weight: 1 }
const LATER: readonly Rival[] = Array.from({ length: 10 }, (_, i) => ({
  reason: i === 0 ? 'its turn comes next' : `its turn comes after ${i} more`,
}))
const LATEST: Rival = { reason: 'its turn comes much later' }
