import type { Pool } from '../types.ts'
import type { Usage } from '../upstream/upstream_types.ts'
import type { DriftState } from './drift.ts'
import { mergedFigures, type ProcessFigures } from './process_figures.ts'
import { render } from './prometheus.ts'
import { createBuckets, createCounts, createGauge, type Series } from './series.ts'
import type { Exchange } from './server_types.ts'

/** What is measured from outside each time that somebody looks. */
export interface MetricSources {
  pool(): Pool
  drift(): DriftState
  running(): number
  waiting(): number
  processes(): Promise<readonly ProcessFigures[]>
}

/** What all names begin with. */
export const PREFIX = 'llmroute_'

/** Figures in Prometheus' text form. */
export interface Metrics {
  see(exchange: Exchange): void
  /** A request was turned away, with this code. */
  refuse(code: string): void
  render(): Promise<{ readonly type: string; readonly body: string }>
}

/** Seconds. */
const LATENCY = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]
const OVERHEAD = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5]

/** Counts exchanges: by model, status, key and kind of failure, with latencies, tokens and dollars. */
export function createMetrics(sources: MetricSources): Metrics {
  const all: Series[] = []
  const registered = <T extends Series>(series: T): T => {
    all.push(series)
    return series
  }
  const counter = (name: string, help: string, labels: string[]) =>
    registered(createCounts({ name: `${PREFIX}${name}`, help, labels }))
  const histogram = (name: string, help: string, labels: string[], bounds: number[]) =>
    registered(createBuckets({ name: `${PREFIX}${name}`, help, labels }, bounds))
  const gauge = (name: string, help: string, read: Parameters<typeof createGauge>[1], labels: string[] = []) =>
    registered(createGauge({ name: `${PREFIX}${name}`, help, labels }, read))

  const requests = counter('requests_total', 'Requests to models that have ended.', [
    'path',
    'model',
    'policy',
    'status',
    'ending',
  ])
  const failures = counter('errors_total', 'Requests that ended with an error, by its code.', ['code'])
  const attempts = counter('attempts_total', 'Attempts at models.', ['model', 'outcome'])
  const latency = histogram('request_seconds', 'From a request to the end of its answer.', ['model'], LATENCY)
  const firstByte = histogram(
    'first_byte_seconds',
    'From a request to the first byte of its answer.',
    ['model'],
    LATENCY,
  )
  const overhead = histogram('overhead_seconds', 'Of the time to the first byte, what was not the model.', [], OVERHEAD)
  const tokens = counter('tokens_total', 'Tokens that models have read and written.', [
    'model',
    'key',
    'kind',
    'estimated',
  ])
  const dollars = counter('dollars_total', 'US dollars of answered requests whose prices are known.', ['model', 'key'])
  const cached = counter('cache_hits_total', 'Answers from the response cache.', ['model'])
  gauge('running_requests', 'Requests under way.', set => set(sources.running()))
  gauge('waiting_requests', 'Requests that wait for a place.', set => set(sources.waiting()))
  gauge(
    'breaker_open',
    'Whether the breaker of a model is open.',
    set => {
      const { models, statistics } = sources.pool()
      for (const { id } of models) set(Number(statistics?.of(id).isOpen ?? false), id)
    },
    ['model'],
  )
  gauge('strong_share', 'Share of the latest decisions of the threshold that went to strong.', set => {
    set(sources.drift().share ?? Number.NaN)
  })
  gauge('strong_share_target', 'Share for strong that was calibrated.', set => {
    set(sources.drift().target ?? Number.NaN)
  })
  gauge('strong_share_drifting', 'Whether the share is off its target by more than noise.', set =>
    set(Number(sources.drift().isDrifting)),
  )

  const pay = (key: string, model: string, usage: Usage | undefined, cost: number | undefined) => {
    if (usage) {
      const estimated = String(usage.isEstimated)
      tokens.add(usage.inputTokens, model, key, 'input', estimated)
      tokens.add(usage.outputTokens, model, key, 'output', estimated)
    }
    if (cost !== undefined) dollars.add(cost, model, key)
  }

  return {
    see(exchange) {
      const { path, decision, model, status, ending, error, usage, client } = exchange
      requests.add(1, path, model ?? '', decision?.policy ?? '', String(status), ending)
      if (error) failures.add(1, error.code ?? error.type)
      else if (ending === 'cut') failures.add(1, 'stream_cut')
      // The attempt that an answer came from knows nothing of how that ended.
      const cut = ending === 'cut' ? exchange.attempts.at(-1) : undefined
      for (const tried of exchange.attempts) {
        if (tried.latency === 0) continue
        attempts.add(1, tried.model, tried.failure === undefined && tried !== cut ? 'ok' : 'failed')
      }
      if (exchange.spent) for (const each of exchange.spent) pay(client.name, each.model, each.usage, each.cost)
      if (model === undefined) return
      latency.observe(exchange.latency / 1000, model)
      if (exchange.firstByte !== undefined) firstByte.observe(exchange.firstByte / 1000, model)
      if (exchange.overhead !== undefined) overhead.observe(exchange.overhead / 1000)
      if (exchange.isCached) cached.add(1, model)
      if (!exchange.spent) pay(client.name, model, exchange.isCached ? undefined : usage, exchange.cost)
    },
    refuse(code) {
      failures.add(1, code)
    },
    render: async () => render([...mergedFigures(await sources.processes()), ...all]),
  }
}
