import type { AdmissionGauge } from '../server/admission.ts'
import type { Page } from '../server/app.ts'
import type { ApiError } from '../server/envelope.ts'
import { createFollowedThreshold, type ThresholdPoint } from '../server/online_threshold.ts'
import type { Figures } from '../server/prometheus.ts'
import type { Routed, SharedState } from '../server/shared_state.ts'
import { createStickyModels, stickyHash } from '../server/sticky.ts'
import {
  type ModelReport,
  type PrimaryAnswer,
  type Question,
  type SentExchange,
  sentExchange,
  sentNumber,
  type ToPrimary,
  type ToWorker,
} from './serve_messages.ts'

/** Milliseconds between two reports of a worker. */
const REPORT = 250

/** Milliseconds over which win rates are gathered. */
const GATHER = 20

/** A question of which only the primary knows the id. */
type Asked = Question extends infer Q ? (Q extends Question ? Omit<Q, 'id'> : never) : never

/**
 * The state of a server of several processes, as a worker sees it: what it hears it passes to the primary, which counts for all.
 * What keys may still do is asked there; which model a conversation has, and the threshold of `threshold: auto`, come from there
 * within a moment.
 */
export function createWorkerState(gauge: AdmissionGauge, figures: () => Promise<readonly Figures[]>): SharedState {
  const sticky = createStickyModels()
  let routed: Routed | undefined
  const start = createFollowedThreshold()
  let point: ThresholdPoint | undefined
  let winRates: number[] = []
  let exchanges: SentExchange[] = []
  let refused: string[] = []
  const waiting = new Map<number, (answer: PrimaryAnswer) => void>()
  let asked = 0
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'kept') return sticky.learn(message)
    if (message.kind === 'threshold') {
      point = message.point
      return
    }
    if (message.kind === 'figures') {
      void figures().then(own => tellPrimary({ kind: 'figures', id: message.id, figures: own }))
      return
    }
    waiting.get(message.id)?.(message.answer)
    waiting.delete(message.id)
  })
  setInterval(report, REPORT).unref()
  return {
    describe(next) {
      routed = next
      if (start.follow(next.followed)) point = undefined
      const { statistics: _, ...pool } = next.pool
      tellPrimary({ kind: 'routed', routed: { ...next, pool } })
    },
    see(exchange) {
      exchanges.push(sentExchange(exchange))
      // The next request of this key must not be let in before this one has been paid.
      if (exchange.client.dailyBudget !== undefined) tellExchanges()
    },
    refuse: code => refused.push(code),
    allowances: {
      take: async client => ((await ask({ kind: 'take', client }).answer) as ApiError | null) ?? undefined,
      async reserve(client, dollars) {
        const { id, answer } = ask({ kind: 'reserve', client, dollars: sentNumber(dollars) })
        return ((await answer) as ApiError | null) ?? (() => tellPrimary({ kind: 'release', id }))
      },
    },
    sticky: {
      modelOf: sticky.modelOf,
      keep(key, model) {
        const hashes = [stickyHash(key)]
        sticky.learn({ model, hashes })
        tellPrimary({ kind: 'kept', model, hashes })
      },
    },
    threshold: {
      point: () => point ?? start.point(),
      see(winRate) {
        if (winRates.push(winRate) === 1) setTimeout(tellWinRates, GATHER).unref()
      },
    },
    metrics: () => ask({ kind: 'page', page: 'metrics' }).answer as Promise<Page>,
    status: () => ask({ kind: 'page', page: 'status' }).answer as Promise<Page>,
  }

  function report(): void {
    tellExchanges()
    const models = Object.fromEntries((routed?.pool.models ?? []).map(({ id }) => [id, reportOf(routed!, id)]))
    tellPrimary({ kind: 'report', models, running: gauge.running(), waiting: gauge.waiting() })
  }

  function tellExchanges(): void {
    if (exchanges.length + refused.length > 0) tellPrimary({ kind: 'exchanges', exchanges, refused })
    exchanges = []
    refused = []
  }

  function tellWinRates(): void {
    tellPrimary({ kind: 'win_rates', winRates })
    winRates = []
  }

  function ask(question: Asked): { readonly id: number; readonly answer: Promise<PrimaryAnswer> } {
    const id = asked++
    const answer = new Promise<PrimaryAnswer>(resolve => waiting.set(id, resolve))
    tellPrimary({ ...question, id })
    return { id, answer }
  }
}

/** Tells the primary, where there is one. */
export function tellPrimary(message: ToPrimary): void {
  if (process.connected) process.send!(message, undefined, undefined, () => {})
}

function reportOf({ pool }: Routed, id: string): ModelReport {
  const { inFlight, requests, errors, latency, isOpen, openReason } = pool.statistics!.of(id)
  return { inFlight, requests, errors, latency, isOpen, ...(openReason === undefined ? {} : { openReason }) }
}
