import { checked, v } from '../schema.ts'
import { hash32 } from '../text/hash.ts'
import type { Model, Policy, Pool } from '../types.ts'
import { requireModel } from './model_names.ts'
import { createPerCandidates } from './per_candidates.ts'
import { createQualityPredictor } from './predicted_quality.ts'
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
  const scoreOf = knownScores(settings, parts.pool)
  const oddsAmong = createPerCandidates(candidates => oddsOf(candidates.map(scoreOf!), settings))
  const predict = scoreOf ? undefined : createQualityPredictor(await parts.strategy())
  return {
    noAnswer: () =>
      'policy stochastic: expected a model whose quality is known among those that can serve this request, got none. Give quality, or profile in models.',
    async decide(requests, pool) {
      const predicted = await predict?.(requests, pool)
      return requests.map(({ candidates = pool.models, key = '', prompt }, row) => {
        const odds = predicted
          ? oddsOf(
              candidates.map(model => predicted.of(row, model)),
              settings,
            )
          : oddsAmong(candidates)
        const place = draw(odds.chances, hash32(`${key}\0${prompt}`, parts.seed) / 2 ** 32)
        if (place === undefined) return undefined
        const reason = { kind: 'score', name: 'drawn, chance', weight: odds.chances[place]! } as const
        return singleDecision('stochastic', candidates[place]!, reason, candidates, (_, i) => odds.rivals[i]!)
      })
    },
  }
}

type Settings = v.InferOutput<typeof options>

/** Quality of a model, NaN where it is not known; undefined where the strategy is to say it. */
function knownScores({ quality, profile, from }: Settings, { models }: Pool): ((model: Model) => number) | undefined {
  if (quality) return ({ id }) => own(quality, id)
  const scoreOf = (model: Model) => own(model.profile, profile)
  const isScored = models.some(model => !Number.isNaN(scoreOf(model)))
  return (from ?? (isScored ? 'profile' : 'strategy')) === 'profile' ? scoreOf : undefined
}

function own(scores: Readonly<Record<string, number>> | undefined, name: string): number {
  return scores && Object.hasOwn(scores, name) ? scores[name]! : Number.NaN
}

/** What a draw among candidates stands on, one entry each. */
interface Odds {
  readonly chances: readonly number[]
  readonly rivals: readonly Rival[]
}

function oddsOf(qualities: readonly number[], settings: Settings): Odds {
  const chances = chancesOf(qualities, settings)
  const rivals = chances.map((chance, i): Rival => {
    if (Number.isNaN(qualities[i]!)) return UNKNOWN
    return { score: chance, reason: chance === 0 ? 'cut off' : 'not drawn' }
  })
  return { chances, rivals }
}

const UNKNOWN: Rival = { reason: 'quality not known' }

/** Chance of each model: softmax of quality / temperature over the k best, then over the nucleus. Zero where quality is NaN. */
export function chancesOf(
  qualities: readonly number[],
  { temperature, top_k = Number.POSITIVE_INFINITY, top_p = 1 }: Pick<Settings, 'temperature' | 'top_k' | 'top_p'>,
): number[] {
  const ranked = qualities.flatMap((quality, i) => (Number.isNaN(quality) ? [] : [i]))
  ranked.sort((a, b) => qualities[b]! - qualities[a]! || a - b)
  if (ranked.length > top_k || temperature === 0) ranked.length = Math.min(ranked.length, temperature === 0 ? 1 : top_k)
  const best = qualities[ranked[0] ?? 0]!
  // Against the best, since the quotient by a tiny temperature overflows.
  const powers = ranked.map(i => Math.exp((qualities[i]! - best) / (temperature || 1)))
  // A sum of chances may miss 1 by its last bits.
  const enough = powers.reduce((sum, power) => sum + power, 0) * (top_p - 1e-12)
  let nucleus = 0
  let sum = 0
  while (nucleus < ranked.length && sum < enough) sum += powers[nucleus++]!
  const chances = qualities.map(() => 0)
  for (let rank = 0; rank < nucleus; rank++) chances[ranked[rank]!] = powers[rank]! / sum
  return chances
}

function draw(chances: readonly number[], place: number): number | undefined {
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
