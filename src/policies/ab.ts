import { UsageError } from '../errors.ts'
import { checked, v } from '../schema.ts'
import { hash32 } from '../text/hash.ts'
import type { Decision, Model, Policy, Pool } from '../types.ts'
import { requireModel } from './model_names.ts'
import { createPerCandidates } from './per_candidates.ts'
import type { PolicyParts } from './registry.ts'
import { singleDecision, stickyKey, weightOf } from './single_decision.ts'

/** Options of `ab`. */
export const options = v.strictObject({
  split: v.pipe(
    v.optional(v.record(v.string(), v.pipe(v.number(), v.minValue(0)))),
    v.description(
      'Share of the traffic for each arm, as `{gpt-4o: 0.1, gpt-4o-mini: 0.9}`; only against each other do they count. Default: the whole pool by `weight`.',
    ),
  ),
  salt: v.pipe(
    v.optional(v.string(), ''),
    v.description(
      'Name of the experiment. With another one, who was in which arm says nothing about who is in which now.',
    ),
  ),
})

/**
 * A fixed split of the traffic, sticky: requests with the same key (else of the same user, else with the same prompt) go to the
 * same arm, in every process, whatever comes before. Where that arm cannot serve a request, the others take it by their
 * shares, and its other requests stay. No answer where no arm can.
 * @throws UsageError for options that do not fit, or arms that the pool has not.
 */
export function create({ options: given, pool, seed }: Pick<PolicyParts, 'options' | 'pool' | 'seed'>): Policy {
  const { split, salt } = checked(options, given, 'policy ab')
  if (split) checkSplit(split, pool)
  const shareOf = (model: Model) => (split ? (Object.hasOwn(split, model.id) ? split[model.id]! : 0) : weightOf(model))
  const armsAmong = createPerCandidates(models => armsOf(models, shareOf))
  return {
    noAnswer: () => 'policy ab: no arm of split can serve this request. Give a share to a model that can.',
    async decide(requests, { models }) {
      const all = armsAmong(models)
      return requests.map(request => {
        const { candidates = models } = request
        const key = `${salt}\0${stickyKey(request)}`
        const owner = armAt(all, hash32(key, seed) / 2 ** 32)
        if (!owner) return undefined
        if (candidates === models || candidates.some(({ id }) => id === owner.model.id))
          return decided(owner, all, candidates)
        const left = armsOf(candidates, shareOf)
        const stand = armAt(left, hash32(key, seed ^ STAND_IN) / 2 ** 32)
        return stand && decided(stand, left, candidates)
      })
    },
  }
}

/** Another place of the same key, so that whose arm is missing is spread over all that are left. */
const STAND_IN = 0x2545f491

interface Arm {
  readonly model: Model
  /** Of the traffic, 0..1. */
  readonly share: number
  /** The shares up to and with this one. */
  readonly end: number
}

function armsOf(models: readonly Model[], shareOf: (model: Model) => number): Arm[] {
  const total = models.reduce((sum, model) => sum + shareOf(model), 0)
  let end = 0
  return models.flatMap(model => {
    const share = shareOf(model) / total
    end += share
    return share > 0 ? [{ model, share, end }] : []
  })
}

/** The arm at a place in [0, 1). Sums of shares may end just below 1. */
function armAt(arms: readonly Arm[], place: number): Arm | undefined {
  return arms.find(({ end }) => place < end) ?? arms.at(-1)
}

function decided({ model, share }: Arm, arms: readonly Arm[], candidates: readonly Model[]): Decision {
  const reason = { kind: 'rule', name: 'the arm of its key, share', weight: share } as const
  return singleDecision('ab', model, reason, candidates, ({ id }) => {
    const arm = arms.find(other => other.model.id === id)
    return arm ? { score: arm.share, reason: 'another arm' } : NO_ARM
  })
}

const NO_ARM = { score: 0, reason: 'no share in the split' }

function checkSplit(split: Readonly<Record<string, number>>, pool: Pool): void {
  for (const id of Object.keys(split)) requireModel(id, pool, 'policy ab: split')
  if (Object.values(split).some(share => share > 0)) return
  throw new UsageError('policy ab: split: expected a share above 0, got none.')
}
