import cluster, { type Worker } from 'node:cluster'
import type { DriftState } from '../server/drift.ts'
import { apiErrorOf, envelope } from '../server/envelope.ts'
import { PREFIX } from '../server/metrics.ts'
import type { ProcessFigures } from '../server/process_figures.ts'
import { type Figures, watchProcess } from '../server/prometheus.ts'
import { createSharedState } from '../server/shared_state.ts'
import { createStickyModels } from '../server/sticky.ts'
import type { ModelStatistics } from '../types.ts'
import {
  type ModelReport,
  type PrimaryAnswer,
  type Question,
  type Report,
  readExchange,
  type ToPrimary,
  type ToWorker,
} from './serve_messages.ts'

/** The state of a server of several processes, as the primary keeps it for all of them. */
export interface PrimaryState {
  /** A question is answered also where that fails. Rejects where anything else cannot be made use of. */
  hear(worker: Worker, message: Exclude<ToPrimary, { kind: 'listening' | 'drain' }>): Promise<void>
  /** A worker has ended: nothing of it is under way any more. */
  forget(worker: Worker): void
}

interface PrimaryOptions {
  /** Hears once of each alarm. */
  onDrift(drift: DriftState): void
  /** Hears of each question that could not be answered, with why as the log has it. */
  onFailure(detail: string): void
  /** The number of a worker, from 1; that of one that died goes to the one that takes its place. */
  placeOf(worker: Worker): number
}

/** Milliseconds within which a worker has told the end of a request whose answer its client has. */
const LATEST_WORD = 100

/** Conversations in one message. */
const PIECE = 10_000

/** Milliseconds within which a worker says what it measures of itself; else it is left out. */
const PATIENCE = 1000

/** All empty at first; called once, in the primary. Workers are reached by the channels of `node:cluster`. */
export function createPrimaryState({ onDrift, onFailure, placeOf }: PrimaryOptions): PrimaryState {
  const now = () => performance.timeOrigin + performance.now()
  /** By the worker's id. */
  const reports = new Map<number, Report>()
  const reservations = new Map<number, Map<number, () => void>>()
  const sum = (pick: (report: Report) => number) =>
    [...reports.values()].reduce((total, report) => total + pick(report), 0)
  const gauge = { running: () => sum(({ running }) => running), waiting: () => sum(({ waiting }) => waiting) }
  const figures = watchProcess(PREFIX)
  const sticky = createStickyModels()
  /** Ids of workers that were told of the conversations before them. */
  const taught = new Set<number>()
  const measuring = new Map<number, (figures: readonly Figures[]) => void>()
  let asked = 0
  const state = createSharedState({ now, gauge, onDrift, processes, patience: LATEST_WORD })
  const statistics = {
    of: (id: string) => mergedReport([...reports.values()].flatMap(({ models }) => models[id] ?? [])),
  }
  return {
    async hear(worker, message) {
      if (message.kind === 'routed') {
        state.describe({ ...message.routed, pool: { ...message.routed.pool, statistics } })
        tellPoint(worker)
        teach(worker)
      } else if (message.kind === 'report') reports.set(worker.id, message)
      else if (message.kind === 'exchanges') {
        for (const exchange of message.exchanges) state.see(readExchange(exchange))
        for (const code of message.refused) state.refuse(code)
      } else if (message.kind === 'win_rates') {
        for (const winRate of message.winRates) state.threshold.see(winRate)
        for (const each of Object.values(cluster.workers ?? {})) tellPoint(each!)
      } else if (message.kind === 'kept') {
        sticky.learn(message)
        tellAll(message, worker)
      } else if (message.kind === 'release') {
        reservations.get(worker.id)?.get(message.id)?.()
        reservations.get(worker.id)?.delete(message.id)
      } else if (message.kind === 'figures') measuring.get(message.id)?.(message.figures)
      else {
        const answer = await answerTo(message, worker).catch(thrown => failureOf(message, thrown))
        tell(worker, { kind: 'answer', id: message.id, answer })
      }
    },
    forget,
  }

  function forget({ id }: Worker): void {
    reports.delete(id)
    taught.delete(id)
    for (const release of reservations.get(id)?.values() ?? []) release()
    reservations.delete(id)
  }

  function tellPoint(worker: Worker): void {
    const point = state.threshold.point()
    // All weak is the same for ever, and JSON has no Infinity.
    if (Number.isFinite(point.threshold)) tell(worker, { kind: 'threshold', point })
  }

  /** At once, so that it is all there before the worker is told that it may listen. */
  function teach(worker: Worker): void {
    if (taught.has(worker.id)) return
    taught.add(worker.id)
    for (const { model, hashes } of sticky.all()) {
      for (let start = 0; start < hashes.length; start += PIECE)
        tell(worker, { kind: 'kept', model, hashes: hashes.slice(start, start + PIECE) })
    }
  }

  async function answerTo(question: Question, worker: Worker): Promise<PrimaryAnswer> {
    if (question.kind === 'page') return state[question.page]()
    if (question.kind === 'take') return (await state.allowances.take(question.client)) ?? null
    const reserved = await state.allowances.reserve(question.client, Number(question.dollars))
    if (typeof reserved !== 'function') return reserved
    const { id } = worker
    if (!reservations.has(id)) reservations.set(id, new Map())
    reservations.get(id)!.set(question.id, reserved)
    // It may have ended meanwhile.
    if (worker.isDead()) forget(worker)
    return null
  }

  /** Whoever asked waits for an answer, whatever it is. */
  function failureOf({ kind }: Question, thrown: unknown): PrimaryAnswer {
    const error = apiErrorOf(thrown, now())
    onFailure(error.detail ?? error.message)
    return kind === 'page' ? { status: error.status, type: 'application/json', body: envelope(error) } : error
  }

  async function processes(): Promise<readonly ProcessFigures[]> {
    const workers = Object.values(cluster.workers ?? {}).filter(worker => worker!.isConnected())
    const [own, ...others] = await Promise.all([figures(), ...workers.map(worker => figuresOf(worker!))])
    const measured = others.flatMap((of, i) => (of ? [{ worker: String(placeOf(workers[i]!)), figures: of }] : []))
    return [{ worker: 'primary', figures: own }, ...measured]
  }

  function figuresOf(worker: Worker): Promise<readonly Figures[] | undefined> {
    const id = asked++
    return new Promise<readonly Figures[] | undefined>(resolve => {
      const timer = setTimeout(resolve, PATIENCE, undefined)
      measuring.set(id, of => {
        clearTimeout(timer)
        resolve(of)
      })
      tell(worker, { kind: 'figures', id })
    }).finally(() => measuring.delete(id))
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
