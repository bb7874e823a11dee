import { UsageError } from '../errors.ts'
import { checked, v } from '../schema.ts'
import type { Decision, Policy, Reason } from '../types.ts'
import type { PolicyParts } from './registry.ts'
import { createUnchosen, type Unchosen } from './unchosen.ts'

/** Of the block `chain`. */
export const options = v.strictObject({
  order: v.pipe(
    v.array(v.string()),
    v.minLength(1),
    v.description('Ids of policies, each with its own block of options: the first that has an answer decides.'),
  ),
})

/** The first policy that has an answer. Each sees only the requests that those before it had no answer for. */
export async function create({
  options: given,
  policy: make,
}: Pick<PolicyParts, 'options' | 'policy'>): Promise<Policy> {
  const { order } = checked(options, given, 'policy chain')
  if (order.includes('chain')) throw new UsageError('policy chain: order: expected other policies, got chain itself.')
  if (new Set(order).size < order.length) throw new UsageError('policy chain: order: expected each policy once.')
  const links: {
    readonly id: string
    readonly policy: Policy
    readonly reason: Reason
    readonly unchosen: Unchosen
  }[] = []
  for (const [i, id] of order.entries()) {
    const passed = order.slice(0, i).map(earlier => `${earlier} had no answer`)
    const later = order.slice(i + 1).map(next => `${next} was not asked`)
    const name = [...passed, `${id} decided`, ...later].join(', ')
    const reason: Reason = { kind: 'rule', name, weight: i + 1 }
    links.push({ id, policy: await make(id), reason, unchosen: createUnchosen(`${id} decided and says nothing of it`) })
  }
  return {
    noAnswer: request =>
      `policy chain: no policy of ${order.join(', ')} has an answer for this request. ${links.at(-1)!.policy.noAnswer?.(request) ?? ''}`.trimEnd(),
    async decide(requests, pool) {
      const decisions = new Array<Decision | undefined>(requests.length).fill(undefined)
      let open = requests.map((_, i) => i)
      for (const { policy, reason, unchosen } of links) {
        if (open.length === 0) break
        const answers = await policy.decide(
          open.map(i => requests[i]!),
          pool,
        )
        for (const [k, i] of open.entries()) {
          const answer = answers[k]
          if (!answer) continue
          const { models, reasons = [], alternatives = [] } = answer
          const others = (requests[i]!.candidates ?? pool.models).filter(({ id }) => !models.includes(id))
          decisions[i] = {
            ...answer,
            policy: 'chain',
            reasons: [reason, ...reasons],
            alternatives: unchosen(others, answer.model, alternatives),
          }
        }
        open = open.filter(i => decisions[i] === undefined)
      }
      return decisions
    },
  }
}
