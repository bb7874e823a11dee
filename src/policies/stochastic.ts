import { softmax } from '../math/probability.ts'
import { checked, v } from '../schema.ts'
import { hash32 } from '../text/hash.ts'
import type { Model, ModelPair, Policy, RouteRequest } from '../types.ts'
import { expectedQuality } from './expected_quality.ts'
import { requireModel } from './model_names.ts'
import type { PolicyParts } from './registry.ts'
import { type Rival, singleDecision } from './single_decision.ts'

const share = v.pipe(v.number(), v.gtValue(0), v.maxValue(1))

/** Options of `stochastic`. */
export const options = v.strictObject({
  temperature: v.pipe(
    v.optional(v.pipe(v.number(), v.minValue(0)), 0.1),
    v.description('Chances are softmax(quality / temperature), quality in 0..1. 0 always takes the best.'),
  ),
  top_k: v.pipe(
    v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
    v.description('Only the k best models are drawn from.'),
  ),
  top_p: v.pipe(
    v.optional(share),
    v.description('Only the fewest models whose chances sum to this are drawn from, the likeliest first (nucleus).'),
  ),
  quality: v.pipe(
    v.optional(v.record(v.string(), v.number())),
    v.description(
      'Quality by model, 0..1. Default: `profile` of the models, else what the strategy expects for the prompt.',
    ),
  ),
  profile: v.pipe(
    v.optional(v.string(), 'accuracy'),
    v.description('Which score of the models’ `profile` counts as their quality.'),
  ),
  from: v.pipe(
    v.optional(v.picklist(['profile', 'strategy'])),
    v.description('Where quality comes from. Default: `profile` where a model has that score, else `strategy`.'),
  ),
})

/**
 * Draws a model with chance softmax(quality / temperature), cut to the `top_k` best and then to the nucleus `top_p`. The draw is a
 * hash of seed, key and prompt: the same request always gives the same. Models whose quality is not known are not drawn.
 * @throws UsageError for options that do not fit, or models that the pool has not.
 */
export async function create(parts: Pick<PolicyParts, 'options' | 'pool' | 'seed' | 'strategy'>): Promise<Policy> {
  const settings = checked(options, parts.options, 'policy stochastic')
  for (const id of Object.keys(settings.quality ?? {})) requireModel(id, parts.pool, 'policy stochastic: quality')
  const qualityOf = await openQuality(settings, parts)
  return {
    async decide(requests, { models, pair }) {
      const qualities = await qualityOf(requests, models, pair)
      const places = new Map(models.map(({ id }, i) => [id, i]))
      return requests.map(({ candidates = models, key = '', prompt }, row) => {
        const found = candidates.map(({ id }) => qualities[row * models.length + places.get(id)!]!)
        const chances = chancesOf(found, settings)
        const place = draw(chances, hash32(`${key}\0${prompt}`, parts.seed) / 2 ** 32)
        if (place === undefined) return undefined
        const reason = { kind: 'score', name: 'drawn, chance', weight: chances[place]! } as const
        return singleDecision('stochastic', candidates[place]!, reason, candidates, (_, i): Rival => {
          if (Number.isNaN(found[i]!)) return { reason: 'quality not known' }
          return { score: chances[i]!, reason: chances[i] === 0 ? 'cut off' : 'not drawn' }
        })
      })
    },
  }
}

type Settings = v.InferOutput<typeof options>

/** Chance of each model: softmax of quality / temperature over the k best, then over the nucleus. Zero where quality is NaN. */
export function chancesOf(
  qualities: readonly number[],
  { temperature, top_k = Number.POSITIVE_INFINITY, top_p = 1 }: Pick<Settings, 'temperature' | 'top_k' | 'top_p'>,
): Float64Array {
  const chances = new Float64Array(qualities.length)
  const ranked = Array.from(qualities, (_, i) => i)
    .filter(i => !Number.isNaN(qualities[i]!))
    .sort((a, b) => qualities[b]! - qualities[a]! || a - b)
    .slice(0, temperature === 0 ? 1 : top_k)
  const best = qualities[ranked[0] ?? 0]!
  // Against the best, since the quotient by a tiny temperature overflows.
  const likely = softmax(ranked.map(i => (qualities[i]! - best) / (temperature || 1)))
  let nucleus = 0
  let sum = 0
  // A sum of chances may miss 1 by its last bits.
  while (nucleus < ranked.length && sum < top_p - 1e-12) sum += likely[nucleus++]!
  for (let rank = 0; rank < nucleus; rank++) chances[ranked[rank]!] = likely[rank]! / sum
  return chances
}

function draw(chances: Float64Array, place: number): number | undefined {
  let end = 0
  let last: number | undefined
  for (let i = 0; i < chances.length; i++) {
    if (chances[i] === 0) continue
    end += chances[i]!
    if (place < end) return i
    last = i
  }
  return last
}

/** Quality of requests × models of the pool, row-major; NaN where it is not known. */
type QualityOf = (
  requests: readonly RouteRequest[],
  models: readonly Model[],
  pair: ModelPair | undefined,
) => Float64Array | Promise<Float64Array>

async function openQuality(settings: Settings, parts: Pick<PolicyParts, 'pool' | 'strategy'>): Promise<QualityOf> {
  const { quality, profile } = settings
  const scoreOf = ({ id, profile: scores }: Model) => (quality ? own(quality, id) : own(scores, profile))
  const isScored = parts.pool.models.some(model => !Number.isNaN(scoreOf(model)))
  if (quality || (settings.from ?? (isScored ? 'profile' : 'strategy')) === 'profile') {
    return (requests, models) => {
      const scores = models.map(scoreOf)
      return Float64Array.from({ length: requests.length * scores.length }, (_, k) => scores[k % scores.length]!)
    }
  }
  const { strategy } = await parts.strategy()
  return (requests, models, pair) =>
    expectedQuality(
      strategy,
      requests.map(({ prompt }) => prompt),
      models,
      pair,
    )
}

function own(scores: Readonly<Record<string, number>> | undefined, name: string): number {
  return scores && Object.hasOwn(scores, name) ? scores[name]! : Number.NaN
}
