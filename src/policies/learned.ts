import { UsageError } from '../errors.ts'
import { checked, v } from '../schema.ts'
import type { Decision, Model, Policy, Pool, Reason } from '../types.ts'
import { createLearnedPredictor, type LearnedPrediction } from './learned_predictor.ts'
import { requireModel } from './model_names.ts'
import type { PolicyParts } from './registry.ts'
import { singleDecision } from './single_decision.ts'

/** Of the block `learned`. */
export const options = v.strictObject({
  checkpoint: v.optional(
    v.pipe(v.string(), v.description('Weights that llmroute train --policy learned DATA -o FILE wrote.')),
  ),
  models: v.optional(
    v.pipe(
      v.record(v.string(), v.string()),
      v.description('Model of the pool for a model of the weights, where their names differ: { big: gpt-4o }.'),
    ),
    {},
  ),
})

/**
 * The model that a random forest on the prompt's text, language and task type finds most probable among those that can serve
 * the request.
 * @throws UsageError where no checkpoint is named, or none of its models is in the pool; DataError for another's checkpoint.
 */
export async function create({
  options: given,
  pool,
  checkpoint: open,
  classifier,
}: Pick<PolicyParts, 'options' | 'pool' | 'checkpoint' | 'classifier'>): Promise<Policy> {
  const { checkpoint: file, models: renamed } = checked(options, given, 'policy learned')
  if (file === undefined) {
    throw new UsageError(
      'policy learned: expected a checkpoint, got none. Train one with llmroute train --policy learned DATA -o FILE, and name it as learned.checkpoint in llmroute.yaml.',
    )
  }
  const checkpoint = await open(file)
  const [language, taskType, topic] = await Promise.all([
    classifier('language'),
    classifier('task_type'),
    classifier('topic'),
  ])
  const predict = createLearnedPredictor(checkpoint, { language, taskType, topic })
  const places = placesOf(checkpoint.metadata.models, renamed, pool)
  return {
    noAnswer: () =>
      'policy learned: no model that can serve this request is among those that the weights were trained on.',
    async decide(requests, { models }) {
      return requests.map(request => decideOne(predict(request.prompt), places, request.candidates ?? models))
    },
  }
}

/** The place in the weights of each model of the pool that they know. */
function placesOf(
  known: readonly string[],
  renamed: Readonly<Record<string, string>>,
  pool: Pool,
): ReadonlyMap<string, number> {
  for (const [own, id] of Object.entries(renamed)) {
    if (!known.includes(own)) {
      throw new UsageError(
        `policy learned: models: expected models of the weights (${known.join(', ')}), got another as a key.`,
      )
    }
    requireModel(id, pool, 'policy learned: models')
  }
  const places = new Map(known.map((own, place) => [Object.hasOwn(renamed, own) ? renamed[own]! : own, place]))
  if (pool.models.some(({ id }) => places.has(id))) return places
  throw new UsageError(
    `policy learned: expected a pool with models of the weights (${known.join(', ')}), got none of them. Give their names in learned.models.`,
  )
}

function decideOne(
  { probabilities, language, taskType }: LearnedPrediction,
  places: ReadonlyMap<string, number>,
  candidates: readonly Model[],
): Decision | undefined {
  const probabilityOf = ({ id }: Model) => {
    const place = places.get(id)
    return place === undefined ? Number.NaN : probabilities[place]!
  }
  let chosen: Model | undefined
  for (const model of candidates) {
    const probability = probabilityOf(model)
    if (!Number.isNaN(probability) && (!chosen || probability > probabilityOf(chosen))) chosen = model
  }
  if (!chosen) return undefined
  const reason: Reason = {
    kind: 'score',
    name: `the most probable by the forest: language ${language}, task ${taskType}`,
    weight: probabilityOf(chosen),
  }
  const decision = singleDecision('learned', chosen, reason, candidates, model => {
    const score = probabilityOf(model)
    return Number.isNaN(score) ? { reason: 'the weights do not know it' } : { score, reason: 'less probable' }
  })
  const alternatives = [...(decision.alternatives ?? [])].sort((a, b) => (b.score ?? -1) - (a.score ?? -1))
  return { ...decision, alternatives }
}
