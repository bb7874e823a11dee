import { isStrong } from '../policies/threshold.ts'
import type { Decision, Model, ModelPair, Pool } from '../types.ts'
import { failurePhrase } from '../upstream/call_failure.ts'
import { costOf } from '../upstream/usage.ts'
import { isTiedToWeak } from './online_threshold.ts'
import type { Exchange } from './server_types.ts'

/** What the status page shows of the traffic. */
export interface Traffic {
  see(exchange: Exchange): void
  snapshot(): TrafficSnapshot
}

/** Traffic since the start, and of the latest minutes. Times in milliseconds, dollars where prices are known. */
export interface TrafficSnapshot {
  readonly since: number
  readonly requests: number
  readonly failed: number
  readonly dollars: number
  /** Answers that cost nobody knows what: they are not among the dollars. */
  readonly unpriced: number
  readonly compared: ComparedDollars
  readonly byModel: Readonly<Record<string, number>>
  /** Requests of each of the latest 60 minutes, the oldest first. */
  readonly perMinute: readonly number[]
  /** Of the latest requests, ascending. */
  readonly latencies: readonly number[]
  readonly recent: readonly RecentExchange[]
}

/**
 * What routing saved: over the requests for which one model was chosen and called, and of which the cost is known on both sides. Their
 * tokens at the strong model's prices stand for what it would have cost.
 */
export interface ComparedDollars {
  readonly requests: number
  readonly dollars: number
  readonly dollarsAllStrong: number
}

/** One of the latest requests: no prompt in it. */
export interface RecentExchange {
  readonly at: number
  readonly id: string
  readonly asked: string
  readonly model: string
  readonly status: number
  readonly ending: Exchange['ending']
  readonly why: string
  readonly latency: number
}

const MINUTE = 60_000
const MINUTES = 60
const RECENT = 25
const LATENCIES = 1000

/** Keeps a bounded part of the traffic in memory. */
export function createTraffic(now: () => number, pool: () => Pool): Traffic {
  const since = now()
  const minutes = new Map<number, number>()
  const byModel: Record<string, number> = Object.create(null)
  const recent: (Omit<RecentExchange, 'why'> & Explained)[] = []
  const latencies: number[] = []
  let requests = 0
  let failed = 0
  let dollars = 0
  let unpriced = 0
  let compared: ComparedDollars = { requests: 0, dollars: 0, dollarsAllStrong: 0 }
  return {
    see(exchange) {
      if (exchange.ending !== 'whole' && exchange.ending !== 'abandoned') failed++
      const minute = Math.floor(now() / MINUTE)
      const known = minutes.get(minute)
      minutes.set(minute, (known ?? 0) + 1)
      if (known === undefined) for (const old of minutes.keys()) if (old <= minute - MINUTES) minutes.delete(old)
      const { model, cost } = exchange
      if (model !== undefined) {
        byModel[model] = (byModel[model] ?? 0) + 1
        if (cost === undefined) unpriced++
      }
      dollars += cost ?? 0
      const { pair } = pool()
      const asStrong = costAsStrong(exchange, pair?.strong)
      if (cost !== undefined && asStrong !== undefined) {
        compared = {
          requests: compared.requests + 1,
          dollars: compared.dollars + cost,
          dollarsAllStrong: compared.dollarsAllStrong + asStrong,
        }
      }
      const place = requests++
      latencies[place % LATENCIES] = exchange.latency
      const { started: at, id, asked, status, ending, latency, decision, error, attempts } = exchange
      const answered = model ?? ''
      recent[place % RECENT] = {
        at,
        id,
        asked,
        model: answered,
        status,
        ending,
        latency,
        decision,
        error,
        attempts,
        pair,
      }
    },
    snapshot() {
      const minute = Math.floor(now() / MINUTE)
      const perMinute = Array.from({ length: MINUTES }, (_, i) => minutes.get(minute - MINUTES + 1 + i) ?? 0)
      return {
        since,
        requests,
        failed,
        dollars,
        unpriced,
        compared,
        byModel,
        perMinute,
        latencies: latencies.toSorted((a, b) => a - b),
        recent: recent
          .toSorted((a, b) => b.at - a.at)
          .map(({ decision, error, attempts, pair, ...seen }) => {
            const why = whyOf({ decision, error, attempts, pair, model: seen.model })
            return { ...seen, why }
          }),
      }
    },
  }
}

/** Undefined where nothing was chosen for the request, nothing or several models were called, or a price is not known. */
function costAsStrong({ decision, usage, isCached }: Exchange, strong: Model | undefined): number | undefined {
  const isChosen = decision?.plan === 'single' && decision.policy !== 'model' && !isCached
  return isChosen && usage && strong ? costOf(strong, usage) : undefined
}

interface Explained extends Pick<Exchange, 'decision' | 'error' | 'attempts'> {
  /** That answered. */
  readonly model: string
  /** When it was decided. */
  readonly pair: ModelPair | undefined
}

/** Why that model answered: what decided, what stood against the choice, and what failed before. */
function whyOf({ decision, error, attempts, model, pair }: Explained): string {
  if (error) return error.message
  if (!decision) return ''
  const failed = [...new Set(attempts.map(attempt => attempt.model))].flatMap(other => {
    const own = attempts.filter(attempt => attempt.model === other)
    return other === model || own.at(-1)!.failure === undefined ? [] : `${other} failed: ${failurePhrase(own)}`
  })
  return [...choiceOf(decision, pair), ...failed].join('; ')
}

function choiceOf(decision: Decision, pair: ModelPair | undefined): readonly string[] {
  const { policy, strategy, winRate, threshold, reasons = [], alternatives = [], model } = decision
  if (winRate === undefined || threshold === undefined) {
    const [first, ...others] = reasons
    const constraints = others.filter(({ kind }) => kind === 'constraint').map(({ name }) => name)
    return [first ? `${policy}: ${first.name}` : policy, ...constraints]
  }
  const isForStrong = isStrong(winRate, threshold)
  const compared = `${strategy}: win rate ${winRate.toFixed(3)} ${isForStrong ? '≥' : '<'} ${threshold.toFixed(3)}`
  const side = pair?.[isForStrong ? 'strong' : 'weak'].id
  if (side !== undefined && side !== model) {
    const against = alternatives.find(other => other.model === side)?.reason ?? 'could not be asked'
    return [`${compared}, but ${side}: ${against}`]
  }
  // Printed, the two would be the same number.
  return [isTiedToWeak(winRate, threshold) ? `${compared} (a tie, the turn of weak)` : compared]
}
