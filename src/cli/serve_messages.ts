import type { Page } from '../server/app.ts'
import type { ApiError } from '../server/envelope.ts'
import type { ThresholdPoint } from '../server/online_threshold.ts'
import type { Figures } from '../server/prometheus.ts'
import type { Client, Exchange } from '../server/server_types.ts'
import type { Routed } from '../server/shared_state.ts'
import type { KeptModel } from '../server/sticky.ts'
import type { Decision, ModelStatistics } from '../types.ts'

/** What a model's statistics come to, as they can be sent. */
export type ModelReport = Pick<
  ModelStatistics,
  'inFlight' | 'requests' | 'errors' | 'latency' | 'isOpen' | 'openReason'
>

/** What a worker does at this moment. */
export interface Report {
  readonly kind: 'report'
  readonly models: Readonly<Record<string, ModelReport>>
  readonly running: number
  readonly waiting: number
}

/** A number as it can be sent: a JSON number, or `Infinity` and the like, which JSON has not, as text. `Number` reads it. */
export type SentNumber = number | string

/** An exchange as it can be sent: without the text of the request. */
export interface SentExchange extends Omit<Exchange, 'decision'> {
  readonly decision?: SentDecision | undefined
}

interface SentDecision extends Omit<Decision, 'threshold'> {
  readonly threshold?: SentNumber
}

/** These conversations have this model. */
interface Kept extends KeptModel {
  readonly kind: 'kept'
}

/** What a worker wants to know of the primary; `id` is that of its answer. */
export type Question =
  | { readonly kind: 'page'; readonly id: number; readonly page: 'metrics' | 'status' }
  | { readonly kind: 'take'; readonly id: number; readonly client: Client }
  | { readonly kind: 'reserve'; readonly id: number; readonly client: Client; readonly dollars: SentNumber }

/** What a worker tells the primary. */
export type ToPrimary =
  /** It can be asked there. */
  | { readonly kind: 'listening'; readonly url: string }
  /** How long requests under way may take when it is told to end. */
  | { readonly kind: 'drain'; readonly seconds: number }
  | { readonly kind: 'routed'; readonly routed: Routed }
  | { readonly kind: 'exchanges'; readonly exchanges: readonly SentExchange[]; readonly refused: readonly string[] }
  | Report
  | Kept
  /** Decided under `threshold: auto`. */
  | { readonly kind: 'win_rates'; readonly winRates: readonly number[] }
  /** The request for which the question `id` set dollars aside has ended. */
  | { readonly kind: 'release'; readonly id: number }
  | { readonly kind: 'figures'; readonly id: number; readonly figures: readonly Figures[] }
  | Question

/** What the primary answers: a page, or why a key may not ask, null where it may. */
export type PrimaryAnswer = Page | ApiError | null

/** What the primary tells a worker. */
export type ToWorker =
  | Kept
  /** Where strong begins from now on. */
  | { readonly kind: 'threshold'; readonly point: ThresholdPoint }
  /** Asks for what the process measures of itself. */
  | { readonly kind: 'figures'; readonly id: number }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: PrimaryAnswer }

/** As it can be sent. */
export function sentNumber(value: number): SentNumber {
  return Number.isFinite(value) ? value : String(value)
}

/** As it can be sent: no text leaves the process that was asked. */
export function sentExchange(exchange: Exchange): SentExchange {
  const { decision } = exchange
  const request = { prompt: '' }
  if (decision?.threshold === undefined || Number.isFinite(decision.threshold)) return { ...exchange, request }
  return { ...exchange, request, decision: { ...decision, threshold: sentNumber(decision.threshold) } }
}

/** What was sent. */
export function readExchange(sent: SentExchange): Exchange {
  const { decision } = sent
  if (typeof decision?.threshold !== 'string') return sent as Exchange
  return { ...sent, decision: { ...decision, threshold: Number(decision.threshold) } }
}
