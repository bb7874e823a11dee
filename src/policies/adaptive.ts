import { createRandom } from '../math/random.ts'
import { checked, v } from '../schema.ts'
import type { Model, ModelStatistics, Policy, PoolStatistics, Reason } from '../types.ts'
import { createInFlight } from './in_flight.ts'
import { createPerCandidates } from './per_candidates.ts'
import type { PolicyParts } from './registry.ts'
import { singleDecision, weightOf } from './single_decision.ts'

/** Options of `adaptive`. */
export const options = v.strictObject({
  exploration: v.pipe(
    v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 0.08),
    v.description('Share of the requests for the model that has waited longest, so that one that recovers is noticed.'),
  ),
  sharpness: v.pipe(
    v.optional(v.pipe(v.number(), v.gtValue(0)), 10),
    v.description('A model that takes twice as long gets 1/2^sharpness of the share.'),
  ),
})

/**
 * Shares of the traffic in proportion to weight × (1 / slowness)^sharpness, slowness being latency / (1 − share of errors)³: a model
 * with 10 % of errors counts as one that takes 1.37 times as long. Nothing measured is tried first. `exploration` goes to the
 * model that has waited longest; while its slowness falls, it gets the next requests too, so that a recovery shows soon.
 * @throws UsageError for options that do not fit.
 */
export function create(parts: Pick<PolicyParts, 'options' | 'seed'>): Policy {
  const { exploration, sharpness } = checked(options, parts.options, 'policy adaptive')
  const random = createRandom(parts.seed)
  const recoveries = createRecoveries()
  const turns = new Map<string, number>()
  let turn = 0
  return {
    async decide(requests, { models, statistics }) {
      const inFlight = createInFlight(statistics)
      recoveries.observe(models, statistics)
      const sharesAmong = createPerCandidates(candidates => sharesOf(candidates, statistics, sharpness))
      return requests.map(({ candidates = models }) => {
        if (candidates.length === 0) return undefined
        const shares = sharesAmong(candidates)
        const [place, reason] = choose(candidates, shares)
        const chosen = candidates[place]!
        inFlight.add(chosen.id)
        turns.set(chosen.id, ++turn)
        return singleDecision('adaptive', chosen, reason, candidates, (_, i) => ({ score: shares[i]!, reason: SHARE }))
      })

      function choose(candidates: readonly Model[], shares: readonly number[]): [place: number, reason: Reason] {
        const untried = candidates.findIndex(({ id }) => !statistics?.of(id).requests && inFlight.of(id) === 0)
        if (untried >= 0) return [untried, UNTRIED]
        const better = candidates.findIndex(({ id }) => recoveries.take(id))
        if (better >= 0)
          return [better, { kind: 'statistic', name: 'tried again, since it got better', weight: shares[better]! }]
        if (random() < exploration) {
          const longest = placeOfLeast(candidates.map(({ id }) => turns.get(id) ?? 0))
          return [longest, { kind: 'rule', name: 'tried, since it has waited longest', weight: exploration }]
        }
        const drawn = draw(shares, random())
        return [drawn, { kind: 'statistic', name: SHARE, weight: shares[drawn]! }]
      }
    },
  }
}

const SHARE = 'share by latency and errors'
const UNTRIED: Reason = { kind: 'statistic', name: 'tried, since nothing is known of it', weight: 0 }

/** Share of each model, summing to 1. What has answered nothing yet gets none, but by weight where none has. */
function sharesOf(candidates: readonly Model[], statistics: PoolStatistics | undefined, sharpness: number): number[] {
  const slowness = candidates.map(({ id }) => slownessOf(statistics?.of(id)))
  const least = Math.min(...slowness)
  // Infinity against Infinity is alike too.
  const powers = slowness.map(
    (slow, i) => weightOf(candidates[i]!) * (slow === least ? 1 : (least / slow) ** sharpness),
  )
  const total = powers.reduce((sum, power) => sum + power, 0)
  return powers.map(power => power / total)
}

/** Milliseconds, as if errors took time; Infinity where there was no answer yet. */
function slownessOf(statistics: ModelStatistics | undefined): number {
  if (!statistics || Number.isNaN(statistics.latency)) return Number.POSITIVE_INFINITY
  return statistics.latency / (1 - (statistics.errorRate || 0)) ** 3
}

interface Recoveries {
  /** Looks at what has changed since the last time. */
  observe(models: readonly Model[], statistics: PoolStatistics | undefined): void
  /** Whether the model has a request to show how much better it has become; uses it up. */
  take(model: string): boolean
}

/** Slowness has to fall this far below its recent low, which follows it upward by so much a result: noise is no recovery. */
const FALL = 0.97
const FOLLOW = 0.25
/** Requests that a fall is worth: with one, a single slow answer would end the chain. */
const GRANTED = 2

function createRecoveries(): Recoveries {
  const lows = new Map<string, { requests: number; slowness: number }>()
  const granted = new Map<string, number>()
  return {
    observe: (models, statistics) => {
      for (const { id } of models) {
        const measured = statistics?.of(id)
        const seen = lows.get(id)
        if (!measured || measured.requests === seen?.requests) continue
        const slowness = slownessOf(measured)
        const low = seen ? seen.slowness : slowness
        if (slowness < low * FALL) granted.set(id, GRANTED)
        const followed = low === Number.POSITIVE_INFINITY ? slowness : low + (slowness - low) * FOLLOW
        lows.set(id, { requests: measured.requests, slowness: Math.min(slowness, followed) })
      }
    },
    take: model => {
      const left = granted.get(model) ?? 0
      if (left > 0) granted.set(model, left - 1)
      return left > 0
    },
  }
}

function placeOfLeast(values: readonly number[]): number {
  return values.indexOf(Math.min(...values))
}

function draw(shares: readonly number[], place: number): number {
  let end = 0
  for (let i = 0; i < shares.length; i++) {
    end += shares[i]!
    if (place < end) return i
  }
  return shares.length - 1
}
