import { UsageError } from '../errors.ts'
import { checked, v } from '../schema.ts'
import type { AcceptRule, Alternative, Decision, Model, Needs, Policy, PoolStatistics, Reason } from '../types.ts'
import { needsForCost } from './input_tokens.ts'
import { requireModel } from './model_names.ts'
import { predictedCost, unknownCostReason } from './predicted_cost.ts'
import type { PolicyParts } from './registry.ts'
import { SAMPLES, tryCost } from './try_cost.ts'

/** Of the block `cascade`. */
export const options = v.strictObject({
  accept: v.optional(
    v.pipe(
      v.picklist(['scorer', 'self_consistency', 'judge']),
      v.description(
        'What says that an answer is good enough: a trained scorer (checkpoint), the share of several answers that agree, or a judge model.',
      ),
    ),
    'self_consistency',
  ),
  threshold: v.optional(
    v.pipe(
      v.number(),
      v.minValue(0),
      v.maxValue(1),
      v.description('Least score (0..1) of an answer that is accepted.'),
    ),
    0.7,
  ),
  order: v.optional(
    v.pipe(
      v.array(v.string()),
      v.minLength(1),
      v.description('Models in the order of trying. Absent: cheapest first.'),
    ),
  ),
  judge: v.optional(v.pipe(v.string(), v.description('Of accept: judge: the model that scores.'))),
  samples: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(2),
      v.description('Of accept: self_consistency: answers drawn. Default 3.'),
    ),
  ),
  checkpoint: v.optional(v.pipe(v.string(), v.description('Of accept: scorer: path of a checkpoint that train made.'))),
  max_cost: v.optional(
    v.pipe(v.number(), v.minValue(0), v.description('US dollars for all tries of a request together at most.')),
  ),
})

/**
 * Cheapest model first, the next where its answer is not good enough. Cheap is by predicted cost where it is known of all,
 * else by the price of a token in and one out; models without prices come last, and the reason says so. With `max_cost` a model
 * is left out whose try alone, all samples and the judge included, is predicted to pass it; so is one whose cost is not known.
 */
export function create({ options: given, pool }: Pick<PolicyParts, 'options' | 'pool'>): Policy {
  const checkedOptions = checked(options, given, 'policy cascade')
  const { order, max_cost: maxCost } = checkedOptions
  for (const id of order ?? []) requireModel(id, pool, 'policy cascade: order')
  const accept = acceptRule(checkedOptions, pool)
  return {
    noAnswer: () =>
      order
        ? 'policy cascade: no model of order can serve this request within max_cost. Add one to order, or raise max_cost.'
        : 'policy cascade: no model is known to stay within max_cost. Raise it, add a cheaper model, or give prices and output_tokens.',
    async decide(requests, { models, statistics }) {
      const needs = await needsForCost(requests, models)
      return requests.map(({ candidates = models }, i): Decision | undefined => {
        const steps = stepsOf(candidates, needs[i]!, statistics)
        const plan = order ? inOrder(steps, order) : cheapestFirst(steps)
        const affordable = maxCost === undefined ? plan.steps : within(plan.steps, maxCost, needs[i]!, statistics)
        const [first, ...later] = affordable
        if (!first) return undefined
        const tooDear = plan.steps.filter(step => !affordable.includes(step))
        return {
          model: first.model.id,
          models: affordable.map(({ model }) => model.id),
          plan: 'until_accepted',
          accept,
          policy: 'cascade',
          reasons: [plan.reason],
          alternatives: [
            ...later.map(step => alternative(step, 'tried next where the answer before it is not accepted')),
            ...tooDear.map(step => alternative(step, tooDearReason(step))),
          ],
          ...(first.cost === undefined ? {} : { cost: first.cost }),
        }
      })
    },
  }

  /** Steps whose tries are each known to stay within the cap. */
  function within(steps: readonly Step[], cap: number, needs: Needs, statistics: PoolStatistics | undefined): Step[] {
    const costOf = (model: Model) =>
      predictedCost(model, needs, statistics) ??
      (needs.outputTokens === undefined
        ? undefined
        : predictedCost({ ...model, outputTokens: needs.outputTokens }, needs))
    const judge = pool.models.find(({ id }) => id === accept.judge)
    const fits = ({ model }: Step, isLast: boolean) =>
      (tryCost(accept, isLast, costOf(model), () => judge && costOf(judge)) ?? Number.POSITIVE_INFINITY) <= cap
    const once = steps.filter(step => fits(step, true))
    return once.filter((step, i) => fits(step, i === once.length - 1))
  }
}

function tooDearReason({ model, cost }: Step): string {
  return cost === undefined ? `${unknownCostReason(model)}, so that max_cost does not hold` : 'alone above max_cost'
}

type CascadeOptions = v.InferOutput<typeof options>

function acceptRule(given: CascadeOptions, pool: PolicyParts['pool']): AcceptRule {
  const { accept: by, threshold, judge, samples, checkpoint, max_cost: maxCost } = given
  const rule = { by, threshold, ...(maxCost === undefined ? {} : { maxCost }) }
  if (by === 'judge') {
    if (judge === undefined)
      throw new UsageError('policy cascade: expected judge beside accept: judge, got none. Name the model that scores.')
    return { ...rule, judge: requireModel(judge, pool, 'policy cascade: judge') }
  }
  if (by === 'self_consistency') return { ...rule, samples: samples ?? SAMPLES }
  if (checkpoint !== undefined) return { ...rule, checkpoint }
  throw new UsageError(
    'policy cascade: expected checkpoint beside accept: scorer, got none. Give the path of one that llmroute train made.',
  )
}

interface Step {
  readonly model: Model
  readonly cost: number | undefined
}

interface Plan {
  readonly steps: readonly Step[]
  readonly reason: Reason
}

const GIVEN: Reason = { kind: 'rule', name: 'first of the given order', weight: 1 }
const UNKNOWN: Reason = { kind: 'rule', name: 'no price is known: order of the pool', weight: 0 }

function stepsOf(models: readonly Model[], needs: Needs, statistics: PoolStatistics | undefined): Step[] {
  return models.map(model => ({ model, cost: predictedCost(model, needs, statistics) }))
}

function inOrder(steps: readonly Step[], order: readonly string[]): Plan {
  const given = order.flatMap(id => steps.find(({ model }) => model.id === id) ?? [])
  return { steps: given, reason: GIVEN }
}

function cheapestFirst(steps: readonly Step[]): Plan {
  const isCosted = steps.every(({ cost }) => cost !== undefined)
  const keyOf = ({ model, cost }: Step) => (isCosted ? cost! : tokenPrice(model))
  const sorted = steps.toSorted((a, b) => compare(keyOf(a), keyOf(b)))
  const least = sorted.length > 0 ? keyOf(sorted[0]!) : Number.POSITIVE_INFINITY
  if (least === Number.POSITIVE_INFINITY) return { steps: sorted, reason: UNKNOWN }
  const last = sorted.some(step => keyOf(step) === Number.POSITIVE_INFINITY) ? '; models without prices last' : ''
  const name = `cheapest first, by ${isCosted ? 'predicted cost' : 'price'}${last}`
  return { steps: sorted, reason: { kind: 'score', name, weight: least } }
}

/** US dollars of a million tokens in and as many out; Infinity where not known. */
const tokenPrice = ({ inputPrice = Number.POSITIVE_INFINITY, outputPrice = Number.POSITIVE_INFINITY }: Model) =>
  inputPrice + outputPrice

const compare = (a: number, b: number) => (a === b ? 0 : a - b)

const alternative = ({ model, cost }: Step, reason: string): Alternative => ({
  model: model.id,
  ...(cost === undefined ? {} : { cost }),
  reason,
})
