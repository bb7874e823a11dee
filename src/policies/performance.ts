import { checked, v } from '../schema.ts'
import type { Model, ModelStatistics, Policy, Reason } from '../types.ts'
import { createInFlight } from './in_flight.ts'
import { createPerCandidates } from './per_candidates.ts'
import type { PolicyParts } from './registry.ts'
import { singleDecision, weightOf } from './single_decision.ts'

/** Options of `performance`. */
export const options = v.strictObject({
  by: v.pipe(
    v.optional(v.picklist(['latency', 'errors', 'cost']), 'latency'),
    v.description(
      'What is to be least: `latency` (milliseconds to an answer, failures counted as time lost), `errors` (share of requests that failed, then latency), `cost` (US dollars a request).',
    ),
  ),
  percentile: v.pipe(
    v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(100))),
    v.description(
      'With `by: latency`: this percentile of the latest answers, such as 95. Default: their exponentially weighted mean.',
    ),
  ),
  stale_after: v.pipe(
    v.optional(v.pipe(v.number(), v.gtValue(0)), 300),
    v.description('Seconds after which a model from which nothing came back since is tried once more.'),
  ),
})

/**
 * The model that was measured best. One that was never measured, or not for `stale_after` seconds, comes first, one request at a
 * time; while nothing is known of any, the one with the fewest requests in flight for its weight.
 * @throws UsageError for options that do not fit.
 */
export function create(parts: Pick<PolicyParts, 'options' | 'now'>): Policy {
  const { by, percentile, stale_after } = checked(options, parts.options, 'policy performance')
  const measure = by === 'latency' && percentile !== undefined ? latencyAt(percentile) : MEASURES[by]
  return {
    async decide(requests, { models, statistics }) {
      const inFlight = createInFlight(statistics)
      const latest = parts.now() - stale_after * 1000
      const isDue = ({ id }: Model) => inFlight.of(id) === 0 && isStale(statistics?.of(id), latest)
      const figureOf = ({ id }: Model) => orInfinity(measure.of(statistics?.of(id)))
      const figuresAmong = createPerCandidates(candidates => candidates.map(figureOf))
      const loadOf = (model: Model) => (inFlight.of(model.id) + 1) / weightOf(model)
      const byLatency = ({ id }: Model) => orInfinity(statistics?.of(id).latency)
      return requests.map(({ candidates = models }) => {
        if (candidates.length === 0) return undefined
        const figures = figuresAmong(candidates)
        const due = candidates.findIndex(isDue)
        const place = due >= 0 ? due : leastOf(candidates, figures, by === 'errors' ? byLatency : loadOf)
        const chosen = candidates[place]!
        inFlight.add(chosen.id)
        const figure = figures[place]!
        const isKnown = due < 0 && figure < Number.POSITIVE_INFINITY
        const reason: Reason = isKnown ? { kind: 'statistic', name: measure.name, weight: figure } : TRIED
        return singleDecision('performance', chosen, reason, candidates, (_, i) =>
          figures[i] === Number.POSITIVE_INFINITY ? UNKNOWN : { score: -figures[i]!, reason: measure.name },
        )
      })
    },
  }
}

const TRIED: Reason = { kind: 'statistic', name: 'tried, since nothing recent is known of it', weight: 0 }
const UNKNOWN = { reason: 'nothing measured' }

interface Measure {
  /** As a phrase, with its unit. */
  readonly name: string
  /** NaN or undefined where nothing is known. */
  of(statistics: ModelStatistics | undefined): number | undefined
}

const MEASURES: Readonly<Record<'latency' | 'errors' | 'cost', Measure>> = {
  latency: { name: 'ms to an answer, weighted mean', of: statistics => untilAnswered(statistics?.latency, statistics) },
  errors: { name: 'share of errors', of: statistics => statistics?.errorRate },
  cost: { name: 'US$ a request, weighted mean', of: statistics => statistics?.cost },
}

function latencyAt(percentile: number): Measure {
  return {
    name: `ms to an answer, percentile ${percentile}`,
    of: statistics => untilAnswered(statistics?.latencyAt(percentile / 100), statistics),
  }
}

/** Time to an answer where a share of tries fails, each as long as one that does not; Infinity where all fail. */
function untilAnswered(latency: number | undefined, statistics: ModelStatistics | undefined): number | undefined {
  return latency === undefined ? undefined : latency / (1 - (statistics?.errorRate || 0))
}

function isStale(statistics: ModelStatistics | undefined, latest: number): boolean {
  return !statistics || statistics.requests === 0 || statistics.finishedAt < latest
}

function orInfinity(value: number | undefined): number {
  return value === undefined || Number.isNaN(value) ? Number.POSITIVE_INFINITY : value
}

/** The index of the least figure; of equal ones that with the least `tie`, then the first. */
function leastOf(candidates: readonly Model[], figures: readonly number[], tie: (model: Model) => number): number {
  let least = 0
  for (let i = 1; i < figures.length; i++) {
    if (figures[i]! > figures[least]!) continue
    if (figures[i]! < figures[least]! || tie(candidates[i]!) < tie(candidates[least]!)) least = i
  }
  return least
}
