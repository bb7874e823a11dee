import { checked, v } from '../schema.ts'
import type { Alternative, Decision, Model, Policy, Reason } from '../types.ts'
import { createHashRing, type HashRing } from './hash_ring.ts'
import type { PolicyParts } from './registry.ts'
import { stickyKey, weightOf } from './single_decision.ts'

/** Options of `consistent_hash`. */
export const options = v.strictObject({
  virtual_nodes: v.pipe(
    v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000)), 200),
    v.description(
      'Places on the ring of a model of weight 1, four points each. With more of them shares are more even.',
    ),
  ),
})

/**
 * The model that the key of a request (else its user, else its prompt) falls to on a ring; where that one cannot serve it, the next on
 * the ring. Models hold shares of the keys by `weight`.
 * @throws UsageError for options that do not fit.
 */
export function create(parts: Pick<PolicyParts, 'options' | 'pool'>): Policy {
  const { virtual_nodes } = checked(options, parts.options, 'policy consistent_hash')
  let members = parts.pool.models
  let ring = createHashRing(members, virtual_nodes)
  return {
    async decide(requests, { models }) {
      if (models !== members) {
        if (!isSameRing(models, members)) ring = createHashRing(models, virtual_nodes)
        members = models
      }
      return requests.map(request => {
        const { candidates = models } = request
        const isCandidate = candidates === models ? undefined : new Set(candidates.map(({ id }) => id))
        return decisionAt(ring, ring.placeOf(stickyKey(request)), isCandidate)
      })
    },
  }
}

/** How far on the ring alternatives are looked for, in points, and how many are named. */
const FAR = 64
const NAMED = 3

function decisionAt({ models, owners }: HashRing, place: number, ids?: ReadonlySet<string>): Decision | undefined {
  let chosen: string | undefined
  let reason = ITS_KEY
  const alternatives: Alternative[] = []
  for (let step = 0, i = place; step < owners.length; step++) {
    const { id } = models[owners[i]!]!
    i = i + 1 === owners.length ? 0 : i + 1
    if (chosen === undefined) {
      if (ids && !ids.has(id)) reason = NEXT_ON_RING
      else chosen = id
    } else {
      if (step > FAR || alternatives.length === NAMED) break
      if (id === chosen || (ids && !ids.has(id)) || alternatives.some(({ model }) => model === id)) continue
      alternatives.push({ model: id, reason: 'later on the ring' })
    }
  }
  if (chosen === undefined) return undefined
  return { model: chosen, models: [chosen], plan: 'single', policy: 'consistent_hash', reasons: [reason], alternatives }
}

const ITS_KEY: Reason = { kind: 'rule', name: 'first on the ring after its key', weight: 1 }
const NEXT_ON_RING: Reason = {
  kind: 'rule',
  name: 'next on the ring, since the owner of its key cannot serve it',
  weight: 1,
}

function isSameRing(models: readonly Model[], others: readonly Model[]): boolean {
  return (
    models.length === others.length &&
    models.every((model, i) => model.id === others[i]!.id && weightOf(model) === weightOf(others[i]!))
  )
}
