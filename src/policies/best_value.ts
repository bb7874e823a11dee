import { checked, v } from '../schema.ts'
import type { Alternative, Decision, Model, Needs, Policy, Pool, Reason, RouteRequest } from '../types.ts'
import { needsForCost } from './input_tokens.ts'
import { predictedCost, unknownCostReason } from './predicted_cost.ts'
import { createQualityPredictor, type Qualities } from './predicted_quality.ts'
import type { PolicyParts } from './registry.ts'

/** Of the block `best_value`. */
export const options = v.strictObject({
  lambda: v.optional(
    v.pipe(
      v.number(),
      v.minValue(0),
      v.description(
        'Quality (0..1) that a US dollar is worth: 50 pays 1 cent for half of an answer. 0: quality alone. llmroute calibrate --max-cost finds one.',
      ),
    ),
    0,
  ),
  quality: v.optional(
    v.pipe(
      v.picklist(['strategy', 'profile']),
      v.description(
        'Where quality comes from: the strategy where it knows the models, else profile.accuracy; or profile.accuracy alone.',
      ),
    ),
    'strategy',
  ),
})

/**
 * Largest predicted quality − λ · predicted cost. A model whose quality is not known is passed over; with λ above 0, one whose
 * cost is not known too, unless no cost is known: then quality alone decides, and the reason says so. Where prices are not
 * known, the mean cost that was measured stands in. Of equals the cheaper, then the first of the pool.
 */
export async function create(parts: Pick<PolicyParts, 'options' | 'strategy'>): Promise<Policy> {
  const { lambda, quality } = checked(options, parts.options, 'policy best_value')
  const predict = createQualityPredictor(quality === 'profile' ? undefined : await parts.strategy())
  const weighed = `quality − ${lambda} × cost`
  return {
    noAnswer: () =>
      'policy best_value: the quality of no model that can serve this request is known. Train a strategy on outcomes of the models, name the pair, or give the models profile.accuracy.',
    async decide(requests, pool) {
      const qualities = await predict(requests, pool)
      const needs = await needsForCost(requests, pool.models)
      return requests.map((request, i) => decideOne(request, i, qualities, needs[i]!, pool))
    },
  }

  function decideOne(
    { candidates }: RouteRequest,
    row: number,
    { of, source }: Qualities,
    needs: Needs,
    pool: Pool,
  ): Decision | undefined {
    const models = candidates ?? pool.models
    const offers = models.map(model => offerOf(model, of(row, model), needs, pool))
    const isPriced = lambda > 0 && offers.some(({ quality, cost }) => !Number.isNaN(quality) && cost !== undefined)
    const worthOf = ({ quality, cost }: Offer) => (isPriced ? quality - lambda * (cost ?? Number.NaN) : quality)
    const best = bestOf(offers, worthOf)
    if (!best) return undefined
    const { id } = best.model
    const reasons: Reason[] = [{ kind: 'score', name: source(best.model), weight: best.quality }]
    if (lambda > 0) {
      const name = isPriced ? weighed : 'quality alone: no cost is known'
      reasons.unshift({ kind: 'score', name, weight: worthOf(best) })
    }
    if (best.cost !== undefined) reasons.push({ kind: 'score', name: 'cost in US dollars', weight: best.cost })
    const alternatives: Alternative[] = []
    for (const offer of offers) if (offer !== best) alternatives.push(alternativeOf(offer, worthOf(offer)))
    const decision = { model: id, models: [id], plan: 'single', policy: 'best_value', reasons, alternatives } as const
    return best.cost === undefined ? decision : Object.assign(decision, { cost: best.cost })
  }
}

interface Offer {
  readonly model: Model
  /** NaN where not known. */
  readonly quality: number
  readonly cost: number | undefined
}

function offerOf(model: Model, quality: number, needs: Needs, { statistics }: Pool): Offer {
  const predicted = predictedCost(model, needs, statistics)
  if (predicted !== undefined || !statistics) return { model, quality, cost: predicted }
  const measured = statistics.of(model.id).cost
  return { model, quality, cost: Number.isNaN(measured) ? undefined : measured }
}

function bestOf(offers: readonly Offer[], worthOf: (offer: Offer) => number): Offer | undefined {
  let best: Offer | undefined
  for (const offer of offers) {
    const value = worthOf(offer)
    if (Number.isNaN(value)) continue
    const lead = best ? value - worthOf(best) : Number.POSITIVE_INFINITY
    if (lead > 0 || (lead === 0 && costOf(offer) < costOf(best!))) best = offer
  }
  return best
}

const costOf = ({ cost = Number.POSITIVE_INFINITY }: Offer) => cost

/** @param score NaN where the model was passed over. */
function alternativeOf({ model, quality, cost }: Offer, score: number): Alternative {
  if (!Number.isNaN(score)) return cost === undefined ? { model: model.id, score } : { model: model.id, score, cost }
  const reason = Number.isNaN(quality) ? 'quality not known' : unknownCostReason(model)
  return cost === undefined ? { model: model.id, reason } : { model: model.id, cost, reason }
}
