import cluster, { type Worker } from 'node:cluster'
import type { DriftState } from '../server/drift.ts'
import { createSharedState } from '../server/shared_state.ts'
import type { ModelStatistics } from '../types.ts'
import type { ModelReport, PrimaryAnswer, Question, Report, ToPrimary, ToWorker } from './serve_messages.ts'

/**
 * Starts workers, and another where one dies. Resolves once all of them have ended.
 * @param onLine hears what happens, for the log.
 */
export async function runPrimary(
  count: number,
  onLine: (event: string, fields: Readonly<Record<string, unknown>>) => void,
): Promise<void> {
  const now = () => performance.timeOrigin + performance.now()
  const reports = new Map<number, Report>()
  const sum = (pick: (report: Report) => number) =>
    [...reports.values()].reduce((total, report) => total + pick(report), 0)
  const gauge = { running: () => sum(({ running }) => running), waiting: () => sum(({ waiting }) => waiting) }
  const state = createSharedState(now, gauge, (drift: DriftState) => onLine('drift', { ...drift }))
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
      for (const exchange of message.exchanges) state.see(exchange)
      for (const code of message.refused) state.refuse(code)
    } else if (message.kind === 'kept') tellAll(message, worker)
    else tell(worker, { kind: 'answer', id: message.id, answer: await answerTo(message) })
  }
  const answerTo = async (question: Question): Promise<PrimaryAnswer> =>
    question.kind === 'page' ? state[question.page]() : ((await state.allowances.take(question.client)) ?? null)
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
