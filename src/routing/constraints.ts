import { predictedCost, unknownCostReason } from '../policies/predicted_cost.ts'
import type { Model, Needs, Pool, RouteRequest } from '../types.ts'

/** A model that cannot serve a request, and why, as a phrase. */
export interface RefusedModel {
  readonly model: string
  readonly reason: string
}

/**
 * Divides the request's candidates (all of the pool where it names none) into models that can serve it and those that cannot.
 * - What a model has not said it can do (tools, vision, audio, video, files, jsonSchema) it cannot where another model of the pool says it can.
 * - Prompt and longest answer must fit the context window; the answer its own limit. A limit that is not known refuses nothing.
 * - A price cap holds for the predicted cost; where the mean length of an answer is not known, for the longest one that is
 *   allowed. A model whose cost is not known passes no cap.
 * - `needs.inputTokens` must be there where a window or a cap is to count.
 */
export function eligible(
  { needs, candidates: asked }: RouteRequest,
  pool: Pool,
): { readonly candidates: readonly Model[]; readonly refused: readonly RefusedModel[] } {
  const models = asked ?? pool.models
  if (!needs || Object.keys(needs).length === 0) return { candidates: models, refused: NONE }
  const candidates: Model[] = []
  const refused: RefusedModel[] = []
  for (const model of models) {
    const reason = reasonAgainst(model, needs, pool)
    if (reason === undefined) candidates.push(model)
    else refused.push({ model: model.id, reason })
  }
  return { candidates, refused }
}

/** The models without an open breaker; all of them where it is open for each. */
export function healthy(
  models: readonly Model[],
  { statistics }: Pool,
): { readonly candidates: readonly Model[]; readonly refused: readonly RefusedModel[] } {
  if (!statistics) return { candidates: models, refused: NONE }
  if (models.every(({ id }) => !statistics.of(id).isOpen)) return { candidates: models, refused: NONE }
  const candidates = models.filter(({ id }) => !statistics.of(id).isOpen)
  if (candidates.length === 0) return { candidates: models, refused: NONE }
  const refused = models
    .filter(model => !candidates.includes(model))
    .map(({ id }) => {
      const { openReason } = statistics.of(id)
      return { model: id, reason: `breaker open${openReason ? `: ${openReason}` : ''}` }
    })
  return { candidates, refused }
}

const NONE: readonly RefusedModel[] = []

const ABILITIES = [
  { need: 'tools', phrase: 'cannot use tools' },
  { need: 'vision', phrase: 'cannot read images' },
  { need: 'audio', phrase: 'cannot hear audio' },
  { need: 'video', phrase: 'cannot watch video' },
  { need: 'files', phrase: 'cannot read files' },
  { need: 'jsonSchema', phrase: 'cannot answer by a JSON schema' },
] as const

function reasonAgainst(model: Model, needs: Needs, pool: Pool): string | undefined {
  return abilityLacking(model, needs, pool) ?? limitExceeded(model, needs) ?? capExceeded(model, needs, pool)
}

function abilityLacking(model: Model, needs: Needs, { models }: Pool): string | undefined {
  for (const { need, phrase } of ABILITIES) {
    if (!needs[need] || model[need]) continue
    if (model[need] === false) return phrase
    if (models.some(other => other[need])) return `${phrase}, as far as is known`
  }
  const lacking = needs.tags?.filter(tag => !model.tags?.includes(tag)) ?? []
  return lacking.length > 0 ? `no tag ${lacking.join(', ')}` : undefined
}

function limitExceeded(
  { contextWindow, maxOutputTokens }: Model,
  { inputTokens, outputTokens }: Needs,
): string | undefined {
  if (maxOutputTokens !== undefined && outputTokens !== undefined && outputTokens > maxOutputTokens) {
    return `at most ${grouped(maxOutputTokens)} tokens of answer, needed ${grouped(outputTokens)}`
  }
  if (contextWindow === undefined || inputTokens === undefined) return undefined
  const needed = inputTokens + (outputTokens ?? 0)
  // Where nobody says how long the answer may be, it still needs room for a token.
  const isTooLong = outputTokens === undefined ? needed >= contextWindow : needed > contextWindow
  if (!isTooLong) return undefined
  const andAnswer = needed <= contextWindow ? ' and room for an answer' : ''
  return `context window of ${grouped(contextWindow)} tokens, needed ${grouped(needed)}${andAnswer}`
}

function capExceeded(model: Model, needs: Needs, { statistics }: Pool): string | undefined {
  const { maxCost, outputTokens } = needs
  if (maxCost === undefined) return undefined
  if (Number.isNaN(maxCost)) return 'the price cap is no number of dollars'
  const longest = outputTokens === undefined ? model : { ...model, outputTokens }
  const cost = predictedCost(model, needs, statistics) ?? predictedCost(longest, needs)
  if (cost === undefined) return `${unknownCostReason(model)}, so that no cap on it holds`
  return cost > maxCost ? `predicted cost of $${dollars(cost)}, at most $${dollars(maxCost)}` : undefined
}

const grouped = (count: number) => Math.ceil(count).toLocaleString('en-US')
const dollars = (amount: number) => String(Number(amount.toPrecision(3)))
