import cluster, { type Worker } from 'node:cluster'
import type { AdmissionGauge } from '../server/admission.ts'
import type { Page } from '../server/app.ts'
import type { DriftState } from '../server/drift.ts'
import type { Exchange } from '../server/server_types.ts'
import { createSharedState, type Routed, type SharedState } from '../server/shared_state.ts'
import { createStickyModels } from '../server/sticky.ts'
import type { ModelStatistics } from '../types.ts'

/** Milliseconds between two reports of a worker. */
const REPORT = 250

/** What a model's statistics come to, as they can be sent. */
type ModelReport = Pick<ModelStatistics, 'inFlight' | 'requests' | 'errors' | 'latency' | 'isOpen' | 'openReason'>

/** What a worker tells the primary. */
type ToPrimary =
  | { readonly kind: 'routed'; readonly routed: Routed }
  | { readonly kind: 'exchanges'; readonly exchanges: readonly Exchange[]; readonly refused: readonly string[] }
  | {
      readonly kind: 'report'
      readonly models: Readonly<Record<string, ModelReport>>
      readonly running: number
      readonly waiting: number
    }
  | { readonly kind: 'kept'; readonly key: string; readonly model: string }
  | { readonly kind: 'page'; readonly page: 'metrics' | 'status'; readonly id: number }

/** What the primary tells a worker. */
type ToWorker =
  | { readonly kind: 'spent'; readonly spent: Readonly<Record<string, number>> }
  | { readonly kind: 'kept'; readonly key: string; readonly model: string }
  | { readonly kind: 'page'; readonly id: number; readonly page: Page }

/**
 * The state of a server of several processes, as a worker sees it: what it hears it passes to the primary, which counts for all.
 * What keys have spent, and which model a conversation has, comes back within a moment.
 */
export function createWorkerState(gauge: AdmissionGauge): SharedState {
  const sticky = createStickyModels()
  let spent: Readonly<Record<string, number>> = {}
  let routed: Routed | undefined
  let exchanges: Exchange[] = []
  let refused: string[] = []
  const pages = new Map<number, (page: Page) => void>()
  let asked = 0
  const tell = (message: ToPrimary) => {
    if (process.connected) process.send!(message, undefined, undefined, () => {})
  }
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'spent') spent = message.spent
    else if (message.kind === 'kept') sticky.keep(message.key, message.model)
    else {
      pages.get(message.id)?.(message.page)
      pages.delete(message.id)
    }
  })
  setInterval(() => {
    if (exchanges.length + refused.length > 0) tell({ kind: 'exchanges', exchanges, refused })
    exchanges = []
    refused = []
    const models = Object.fromEntries((routed?.pool.models ?? []).map(({ id }) => [id, reportOf(routed!, id)]))
    tell({ kind: 'report', models, running: gauge.running(), waiting: gauge.waiting() })
  }, REPORT).unref()
  const ask = (page: 'metrics' | 'status') =>
    new Promise<Page>(resolve => {
      pages.set(asked, resolve)
      tell({ kind: 'page', page, id: asked++ })
    })
  return {
    describe(next) {
      routed = next
      const { statistics: _, ...pool } = next.pool
      tell({ kind: 'routed', routed: { ...next, pool } })
    },
    see(exchange) {
      // No text leaves the process that was asked.
      exchanges.push({ ...exchange, request: { prompt: '' } })
    },
    refuse: code => refused.push(code),
    spentToday: name => (Object.hasOwn(spent, name) ? spent[name]! : 0),
    sticky: {
      modelOf: sticky.modelOf,
      keep(key, model) {
        sticky.keep(key, model)
        tell({ kind: 'kept', key, model })
      },
    },
    metrics: () => ask('metrics'),
    status: () => ask('status'),
  }
}

/**
 * Starts workers, and another where one dies. Resolves once all of them have ended.
 * @param onLine hears what happens, for the log.
 */
export async function runPrimary(
  count: number,
  onLine: (event: string, fields: Readonly<Record<string, unknown>>) => void,
): Promise<void> {
  const now = () => performance.timeOrigin + performance.now()
  const reports = new Map<number, Extract<ToPrimary, { kind: 'report' }>>()
  const sum = (pick: (report: Extract<ToPrimary, { kind: 'report' }>) => number) =>
    [...reports.values()].reduce((total, report) => total + pick(report), 0)
  const gauge = { running: () => sum(({ running }) => running), waiting: () => sum(({ waiting }) => waiting) }
  const state = createSharedState(now, gauge, (drift: DriftState) => onLine('drift', { ...drift }))
  const names = new Set<string>()
  let isStopping = false
  let died = 0
  const statistics = {
    of: (id: string) => mergedReport([...reports.values()].flatMap(({ models }) => models[id] ?? [])),
  }

  const hear = async (worker: Worker, message: ToPrimary) => {
    if (message.kind === 'routed') {
      state.describe({ ...message.routed, pool: { ...message.routed.pool, statistics } })
    } else if (message.kind === 'report') reports.set(worker.id, message)
    else if (message.kind === 'exchanges') {
      for (const exchange of message.exchanges) {
        state.see(exchange)
        if (exchange.client.name) names.add(exchange.client.name)
      }
      for (const code of message.refused) state.refuse(code)
      if (names.size > 0)
        tellAll({ kind: 'spent', spent: Object.fromEntries([...names].map(name => [name, state.spentToday(name)])) })
    } else if (message.kind === 'kept') tellAll(message, worker)
    else tell(worker, { kind: 'page', id: message.id, page: await state[message.page]() })
  }
  cluster.on('message', (worker, message: ToPrimary) => void hear(worker, message))
  cluster.on('exit', (worker, code) => {
    reports.delete(worker.id)
    if (isStopping || code === 2) return
    onLine('worker died', { pid: worker.process.pid, code })
    // One that cannot start must not be started for ever, as fast as it dies.
    // Not unref'd: where all have died, nothing else keeps the primary.
    setTimeout(
      () => {
        if (!isStopping) cluster.fork()
      },
      Math.min(10_000, 100 * 2 ** died++),
    )
    setTimeout(() => died--, 60_000).unref()
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      isStopping = true
      for (const worker of Object.values(cluster.workers ?? {})) worker!.process.kill('SIGTERM')
    })
  }
  process.on('SIGHUP', () => {
    for (const worker of Object.values(cluster.workers ?? {})) worker!.process.kill('SIGHUP')
  })
  for (let i = 0; i < count; i++) cluster.fork()
  await new Promise<void>(resolve => {
    cluster.on('exit', (_, code) => {
      if (code === 2) process.exitCode = 2
      if (Object.keys(cluster.workers ?? {}).length === 0 && (isStopping || code === 2)) resolve()
    })
  })
}

function tellAll(message: ToWorker, except?: Worker): void {
  for (const worker of Object.values(cluster.workers ?? {})) if (worker !== except) tell(worker!, message)
}

/** One that is ending hears nothing more. */
function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, () => {})
}

function reportOf({ pool }: Routed, id: string): ModelReport {
  const { inFlight, requests, errors, latency, isOpen, openReason } = pool.statistics!.of(id)
  return { inFlight, requests, errors, latency, isOpen, ...(openReason === undefined ? {} : { openReason }) }
}

/** Of several workers: sums, the mean latency by requests, and an open breaker where any is open. */
function mergedReport(reports: readonly ModelReport[]): ModelStatistics {
  const sum = (pick: (report: ModelReport) => number) => reports.reduce((total, report) => total + pick(report), 0)
  const measured = reports.filter(({ latency }) => latency > 0)
  const answered = measured.reduce((total, { requests }) => total + requests, 0)
  const open = reports.find(({ isOpen }) => isOpen)
  return {
    inFlight: sum(({ inFlight }) => inFlight),
    requests: sum(({ requests }) => requests),
    errors: sum(({ errors }) => errors),
    errorRate: Number.NaN,
    latency:
      measured.reduce((total, { latency, requests }) => total + (latency * requests) / answered, 0) || Number.NaN,
    latencyAt: () => Number.NaN,
    cost: Number.NaN,
    outputTokens: Number.NaN,
    finishedAt: Number.NaN,
    isOpen: open !== undefined,
    ...(open?.openReason === undefined ? {} : { openReason: open.openReason }),
  }
}
