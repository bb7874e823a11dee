import { UsageError } from '../errors.ts'
import { didYouMean, printable } from '../registry.ts'
import { checked, v } from '../schema.ts'
import type { Decision, Model, Policy, RouteRequest } from '../types.ts'
import type { PolicyParts } from './registry.ts'
import { singleDecision } from './single_decision.ts'

const weight = v.pipe(v.number(), v.minValue(0))

/** Of the block `profile`. */
export const options = v.strictObject({
  weights: v.optional(
    v.pipe(
      v.record(v.string(), v.record(v.string(), weight)),
      v.description(
        'Priorities by name, each with the weight of every score that counts: { fast: { speed: 2, accuracy: 1 } }. The name of a score alone is a priority too.',
      ),
    ),
    {},
  ),
  default: v.optional(
    v.pipe(
      v.string(),
      v.description('Priority of requests that name none. Absent: all scores that every profile has count alike.'),
    ),
  ),
})

type Weights = readonly (readonly [score: string, weight: number])[]

/**
 * Largest mean of the models' profile scores, weighted as the request's priority says. Models that lack a score that counts
 * are passed over. Of equals the first of the pool.
 */
export function create({ options: given, pool }: Pick<PolicyParts, 'options' | 'pool'>): Policy {
  const { weights: sets, default: fallback } = checked(options, given, 'policy profile')
  const scores = [...new Set(pool.models.flatMap(({ profile = {} }) => Object.keys(profile)))]
  const priorities = new Map<string, Weights>([
    ...scores.map(score => [score, [[score, 1]]] as const),
    ...Object.entries(sets).map(([name, set]) => [name, checkedSet(name, set, scores)] as const),
  ])
  if (fallback !== undefined && !priorities.has(fallback)) {
    throw new UsageError(`policy profile: default: ${unknownPriority(fallback)}`)
  }
  const alike = scores.filter(score => pool.models.every(({ profile }) => !profile || Object.hasOwn(profile, score)))
  const byDefault =
    (fallback === undefined ? undefined : priorities.get(fallback)) ?? alike.map(score => [score, 1] as const)

  return {
    noAnswer({ priority }: RouteRequest) {
      if (priority !== undefined && !priorities.has(priority)) return `policy profile: ${unknownPriority(priority)}`
      return `policy profile: no model that can serve this request has a profile with ${scores.length > 0 ? 'the scores that count' : 'scores'}. Add profile to models in llmroute.yaml.`
    },
    async decide(requests, { models }) {
      return requests.map(({ priority, candidates = models }): Decision | undefined => {
        const weights = priority === undefined ? byDefault : priorities.get(priority)
        if (!weights) return undefined
        const values = candidates.map(model => scoreOf(model, weights))
        const best = largest(values)
        if (best < 0) return undefined
        const name = `profile weighted by ${priority ?? fallback ?? 'all scores alike'}`
        return singleDecision(
          'profile',
          candidates[best]!,
          { kind: 'score', name, weight: values[best]! },
          candidates,
          (_, i) => (Number.isNaN(values[i]) ? { reason: 'lacks a score that counts' } : { score: values[i]! }),
        )
      })
    },
  }

  function unknownPriority(name: string): string {
    const available = [...priorities.keys()]
    return `unknown priority "${printable(name)}".${didYouMean(name, available)} Available: ${available.join(', ') || 'none, since no model has a profile'}.`
  }
}

function checkedSet(name: string, set: Readonly<Record<string, number>>, scores: readonly string[]): Weights {
  const where = `policy profile: weights.${printable(name)}`
  const entries = Object.entries(set)
  for (const [score] of entries) {
    if (scores.includes(score)) continue
    throw new UsageError(
      `${where}: expected a score that a model's profile has, got "${printable(score)}".${didYouMean(score, scores)} Available: ${scores.join(', ') || 'none'}.`,
    )
  }
  if (entries.some(([, value]) => value > 0)) return entries.filter(([, value]) => value > 0)
  throw new UsageError(`${where}: expected a weight above 0, got none.`)
}

function scoreOf({ profile }: Model, weights: Weights): number {
  if (!profile) return Number.NaN
  let sum = 0
  let total = 0
  for (const [score, value] of weights) {
    if (!Object.hasOwn(profile, score)) return Number.NaN
    sum += value * profile[score]!
    total += value
  }
  return sum / total
}

/** Index of the largest number, the first of equals; -1 where all are NaN. */
function largest(values: readonly number[]): number {
  let best = -1
  for (let i = 0; i < values.length; i++) if (!Number.isNaN(values[i]) && !(values[i]! <= values[best]!)) best = i
  return best
}
