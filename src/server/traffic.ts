import { isStrong } from '../policies/threshold.ts'
import type { Model, Pool } from '../types.ts'
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
  const recent: (Omit<RecentExchange, 'why'> & Pick<Exchange, 'decision' | 'error'>)[] = []
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
      const asStrong = costAsStrong(exchange, pool().pair?.strong)
      if (cost !== undefined && asStrong !== undefined) {
        compared = {
          requests: compared.requests + 1,
          dollars: compared.dollars + cost,
          dollarsAllStrong: compared.dollarsAllStrong + asStrong,
        }
      }
      const place = requests++
      latencies[place % LATENCIES] = exchange.latency
      const { started: at, id, asked, status, ending, decision, error, latency } = exchange
      recent[place % RECENT] = { at, id, asked, model: model ?? '', status, ending, decision, error, latency }
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
          .map(({ decision, error, ...seen }) => ({ ...seen, why: whyOf(decision, error) })),
      }
    },
  }
}

/** Undefined where nothing was chosen for the request, nothing or several models were called, or a price is not known. */
function costAsStrong({ decision, usage, isCached }: Exchange, strong: Model | undefined): number | undefined {
  const isChosen = decision?.plan === 'single' && decision.policy !== 'model' && !isCached
  return isChosen && usage && strong ? costOf(strong, usage) : undefined
}

function whyOf(decision: Exchange['decision'], error: Exchange['error']): string {
  if (error) return error.message
  if (!decision) return ''
  const { policy, strategy, winRate, threshold, reasons = [] } = decision
  if (winRate !== undefined && threshold !== undefined) {
    const compared = `${strategy}: win rate ${winRate.toFixed(3)} ${isStrong(winRate, threshold) ? '≥' : '<'} ${threshold.toFixed(3)}`
    // Printed, the two would be the same number.
    return isTiedToWeak(winRate, threshold) ? `${compared} (a tie, the turn of weak)` : compared
  }
  return reasons[0] ? `${policy}: ${reasons[0].name}` : policy
}
