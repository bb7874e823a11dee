import { UsageError } from '../errors.ts'
import { checked, v } from '../schema.ts'
import type { Decision, MergeRule, Policy, Pool } from '../types.ts'
import { needsForCost } from './input_tokens.ts'
import { requireModel } from './model_names.ts'
import { predictedCost } from './predicted_cost.ts'
import type { PolicyParts } from './registry.ts'

/** Of the block `ensemble`. */
export const options = v.strictObject({
  models: v.optional(
    v.pipe(
      v.array(v.string()),
      v.minLength(1),
      v.description('Models that are asked at once. Absent: all that can serve the request.'),
    ),
  ),
  merge: v.optional(
    v.pipe(
      v.picklist(['majority', 'judge', 'best_of_n', 'concatenate']),
      v.description(
        'How the answers become one: the one that most give, the one that a judge model picks from all, the one that it rates highest one by one, or all of them one after the other.',
      ),
    ),
    'majority',
  ),
  judge: v.optional(v.pipe(v.string(), v.description('Of merge: judge and best_of_n: the model that chooses.'))),
  deadline: v.optional(
    v.pipe(
      v.number(),
      v.minValue(1),
      v.description('Milliseconds after which answers that are not there are left out.'),
    ),
  ),
  at_least: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(1), v.description('Answers that must be there. Default 1.')),
    1,
  ),
})

/** Several models at once, their answers merged. A model that cannot serve the request is left out, down to `at_least`. */
export function create({ options: given, pool }: Pick<PolicyParts, 'options' | 'pool'>): Policy {
  const checkedOptions = checked(options, given, 'policy ensemble')
  const { models: named, at_least: atLeast } = checkedOptions
  for (const id of named ?? []) requireModel(id, pool, 'policy ensemble: models')
  const merge = mergeRule(checkedOptions, pool)
  return {
    noAnswer: () =>
      `policy ensemble: expected at least ${atLeast} models that can serve this request. Add models, or lower at_least.`,
    async decide(requests, { models, statistics }) {
      const needs = await needsForCost(requests, models)
      return requests.map(({ candidates = models }, i): Decision | undefined => {
        const asked = named ? named.flatMap(id => candidates.find(model => model.id === id) ?? []) : candidates
        if (asked.length < atLeast) return undefined
        const costs = asked.map(model => predictedCost(model, needs[i]!, statistics))
        const cost = costs.every(value => value !== undefined)
          ? costs.reduce((sum, value) => sum + value, 0)
          : undefined
        const name = `${asked.length} models at once, merged by ${merge.by}`
        return {
          model: asked[0]!.id,
          models: asked.map(({ id }) => id),
          plan: 'all',
          merge,
          policy: 'ensemble',
          reasons: [{ kind: 'rule', name, weight: asked.length }],
          alternatives: candidates
            .filter(model => !asked.includes(model))
            .map(({ id }) => ({ model: id, reason: 'not one of the ensemble' })),
          ...(cost === undefined ? {} : { cost }),
        }
      })
    },
  }
}

function mergeRule(
  { merge: by, judge, deadline, at_least: atLeast, models = [] }: v.InferOutput<typeof options>,
  pool: Pool,
): MergeRule {
  if (new Set(models).size < models.length) throw new UsageError('policy ensemble: models: expected each model once.')
  if (models.length > 0 && atLeast > models.length) {
    throw new UsageError(
      `policy ensemble: at_least: expected at most ${models.length}, the models named, got ${atLeast}.`,
    )
  }
  const rule = { by, atLeast, ...(deadline === undefined ? {} : { deadline }) }
  if (by === 'majority' || by === 'concatenate') return rule
  if (judge !== undefined) return { ...rule, judge: requireModel(judge, pool, 'policy ensemble: judge') }
  throw new UsageError(`policy ensemble: expected judge beside merge: ${by}, got none. Name the model that chooses.`)
}
