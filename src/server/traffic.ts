import { isStrong } from '../policies/threshold.ts'
import type { Pool } from '../types.ts'
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
  /** What the same requests would have cost at the strong model's prices; null where they are not known. */
  readonly dollarsAllStrong: number | null
  readonly byModel: Readonly<Record<string, number>>
  /** Requests of each of the latest 60 minutes, the oldest first. */
  readonly perMinute: readonly number[]
  /** Of the latest requests, ascending. */
  readonly latencies: readonly number[]
  readonly recent: readonly RecentExchange[]
}

/** One of the latest requests: no prompt in it. */
export interface RecentExchange {
  readonly at: number
  readonly id: string
  readonly asked: string
  readonly model: string
  readonly status: number
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
  let dollarsAllStrong: number | null = 0
  return {
    see(exchange) {
      if (exchange.ending !== 'whole' && exchange.ending !== 'abandoned') failed++
      const minute = Math.floor(now() / MINUTE)
      const known = minutes.get(minute)
      minutes.set(minute, (known ?? 0) + 1)
      if (known === undefined) for (const old of minutes.keys()) if (old <= minute - MINUTES) minutes.delete(old)
      const { model, usage, cost = 0 } = exchange
      if (model !== undefined) byModel[model] = (byModel[model] ?? 0) + 1
      dollars += cost
      const { strong } = pool().pair ?? {}
      if (usage && strong) {
        const isPriced = strong.inputPrice !== undefined && strong.outputPrice !== undefined
        if (!isPriced) dollarsAllStrong = null
        else if (dollarsAllStrong !== null) {
          dollarsAllStrong += (usage.inputTokens * strong.inputPrice! + usage.outputTokens * strong.outputPrice!) / 1e6
        }
      }
      const place = requests++
      latencies[place % LATENCIES] = exchange.latency
      const { started: at, id, asked, status, decision, error, latency } = exchange
      recent[place % RECENT] = { at, id, asked, model: model ?? '', status, decision, error, latency }
    },
    snapshot() {
      const minute = Math.floor(now() / MINUTE)
      const perMinute = Array.from({ length: MINUTES }, (_, i) => minutes.get(minute - MINUTES + 1 + i) ?? 0)
      const isCompared = pool().pair !== undefined
      return {
        since,
        requests,
        failed,
        dollars,
        dollarsAllStrong: isCompared ? dollarsAllStrong : null,
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

function whyOf(decision: Exchange['decision'], error: Exchange['error']): string {
  if (error) return error.message
  if (!decision) return ''
  const { policy, strategy, winRate, threshold, reasons = [] } = decision
  if (winRate !== undefined && threshold !== undefined) {
    return `${strategy}: win rate ${winRate.toFixed(3)} ${isStrong(winRate, threshold) ? '≥' : '<'} ${threshold.toFixed(3)}`
  }
  return reasons[0] ? `${policy}: ${reasons[0].name}` : policy
}
