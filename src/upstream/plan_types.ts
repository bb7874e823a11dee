import type { Decision, Model } from '../types.ts'
import { failurePhrase } from './call_failure.ts'
import {
  type Answer,
  type Attempt,
  CallError,
  type Caller,
  type ChatBody,
  type ChatCall,
  type Usage,
} from './upstream_types.ts'

/** A decided request: `body`, or the bytes that were received, is what is sent, but for the model. */
export interface PlannedRequest
  extends Pick<ChatCall, 'body' | 'received' | 'headers' | 'signal' | 'onSpent' | 'attempts'> {
  readonly decision: Decision
  /** What judges and scorers read as the request. */
  readonly prompt: string
  /** Called with each piece of the answer, where one model gives it; with the whole of it, where it is made from several. */
  readonly onText?: (text: string) => void
}

/** What plans are carried out with. */
export interface PlanParts {
  readonly caller: Caller
  /** Throws UsageError for an id that the pool does not have. */
  modelOf(id: string): Model
  /** Tried in order where a single model gives no answer. Default none. */
  readonly fallbacks?: readonly Model[]
  /** Expected US dollars of asking a model once; undefined where a price is not known. */
  predictCost(model: Model, body: ChatBody): number | undefined
  /** A trained scorer by its checkpoint: texts of `scoredText` to scores 0..1. */
  scorer(checkpoint: string): Promise<(texts: readonly string[]) => Promise<Float64Array>>
  /** Milliseconds. */
  now(): number
}

/** What one model was asked on the way to an answer, and what came of it. */
export interface PlanCall {
  readonly model: string
  /** To answer, or to judge answers of others. */
  readonly purpose: 'answer' | 'judge'
  /** Absent where none came. */
  readonly text?: string
  readonly usage?: Usage
  /** US dollars; absent where a price is not known, or no answer came. */
  readonly cost?: number
  /** Milliseconds. */
  readonly latency?: number
  /** What an acceptance rule or a judge gave the answer, 0..1. */
  readonly score?: number
  /** Why there is no answer, as a phrase: it was left out of the plan (budget, deadline), or it failed. */
  readonly failure?: string
  readonly attempts: readonly Attempt[]
}

/** The answer to a decided request: usage and cost are those of all calls together. */
export interface PlanAnswer extends Answer {
  /** In the order of the plan. */
  readonly calls: readonly PlanCall[]
  /** How the answer came about where several models were asked, as a phrase: `majority, 2 of 3`. */
  readonly how?: string
}

/** An answer with what was done for it, before it is put together. */
export interface PlanResult {
  /** Of the model whose text it is. */
  readonly answer: Answer
  /** Where it is not that of `answer`. */
  readonly text?: string
  readonly calls: readonly PlanCall[]
  readonly how: string
}

/** What all calls for an answer have in common. */
export function askedOf({ body, received, headers, signal }: PlannedRequest): Omit<ChatCall, 'models'> {
  return {
    body,
    ...(received ? { received } : {}),
    ...(headers ? { headers } : {}),
    ...(signal ? { signal } : {}),
  }
}

/** An answered call as a step of a plan. */
export function callOf(answer: Answer, purpose: PlanCall['purpose'], score?: number): PlanCall {
  const { model, text, usage, cost, latency, attempts } = answer
  return {
    ...{ model, purpose, text, usage, latency, attempts },
    ...(cost === undefined ? {} : { cost }),
    ...(score === undefined || Number.isNaN(score) ? {} : { score }),
  }
}

/** A call that gave no answer, as a step of a plan. */
export function failedCall(model: string, purpose: PlanCall['purpose'], error: Error): PlanCall {
  const attempts = error instanceof CallError ? error.attempts : []
  // Its message names the model again.
  return { model, purpose, failure: attempts.length > 0 ? failurePhrase(attempts) : error.message, attempts }
}
