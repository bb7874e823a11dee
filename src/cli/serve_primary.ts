import cluster, { type Worker } from 'node:cluster'
import type { DriftState } from '../server/drift.ts'
import { createSharedState } from '../server/shared_state.ts'
import type { ModelStatistics } from '../types.ts'
import type { ModelReport, PrimaryAnswer, Question, Report, ToPrimary, ToWorker } from './serve_messages.ts'

/** The state of a server of several processes, as the primary keeps it for all of them. */
export interface PrimaryState {
  hear(worker: Worker, message: ToPrimary): Promise<void>
  /** A worker has ended: nothing of it is under way any more. */
  forget(worker: Worker): void
}

/** Keeps it. `onDrift` hears once of each alarm. */
export function createPrimaryState(onDrift: (drift: DriftState) => void): PrimaryState {
  const now = () => performance.timeOrigin + performance.now()
  /** By the worker's id. */
  const reports = new Map<number, Report>()
  const reservations = new Map<number, Map<number, () => void>>()
  const sum = (pick: (report: Report) => number) =>
    [...reports.values()].reduce((total, report) => total + pick(report), 0)
  const gauge = { running: () => sum(({ running }) => running), waiting: () => sum(({ waiting }) => waiting) }
  const state = createSharedState(now, gauge, onDrift)
  const statistics = {
    of: (id: string) => mergedReport([...reports.values()].flatMap(({ models }) => models[id] ?? [])),
  }
  return {
    async hear(worker, message) {
      if (message.kind === 'routed') {
        state.describe({ ...message.routed, pool: { ...message.routed.pool, statistics } })
      } else if (message.kind === 'report') reports.set(worker.id, message)
      else if (message.kind === 'exchanges') {
        for (const exchange of message.exchanges) state.see(exchange)
        for (const code of message.refused) state.refuse(code)
      } else if (message.kind === 'kept') tellAll(message, worker)
      else if (message.kind === 'release') {
        reservations.get(worker.id)?.get(message.id)?.()
        reservations.get(worker.id)?.delete(message.id)
      } else tell(worker, { kind: 'answer', id: message.id, answer: await answerTo(message, worker) })
    },
    forget({ id }) {
      reports.delete(id)
      for (const release of reservations.get(id)?.values() ?? []) release()
      reservations.delete(id)
    },
  }

  async function answerTo(question: Question, { id: worker }: Worker): Promise<PrimaryAnswer> {
    if (question.kind === 'page') return state[question.page]()
    if (question.kind === 'take') return (await state.allowances.take(question.client)) ?? null
    const reserved = await state.allowances.reserve(question.client, question.dollars)
    if (typeof reserved !== 'function') return reserved
    if (!reservations.has(worker)) reservations.set(worker, new Map())
    reservations.get(worker)!.set(question.id, reserved)
    return null
  }
}

function tellAll(message: ToWorker, except: Worker): void {
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
