import type { CallSettings } from '../call_types.ts'
import { UpstreamError } from '../errors.ts'
import type { Model, PoolStatistics } from '../types.ts'
import type { FailureCategory } from './attempt_failure.ts'

/** A chat request body without `model`: everything that an OpenAI-compatible endpoint takes. */
export type ChatBody = Readonly<Record<string, unknown>> & { readonly messages: readonly unknown[] }

/** Tokens of one call. */
export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
  /** Of `inputTokens`, those that the provider had in its cache. */
  readonly cachedInputTokens?: number
  /** Counted here, since the answer said nothing. */
  readonly isEstimated: boolean
}

/** What one call has taken. */
export interface Spent {
  readonly model: string
  /** US dollars; absent where a price is not known. 0 of a cached answer. */
  readonly cost?: number | undefined
  /** None of a cached answer. */
  readonly usage?: Usage | undefined
}

/** One try at one model. */
export interface Attempt {
  readonly model: string
  /** Absent where no answer came. */
  readonly status?: number
  /** What went wrong, as a phrase without secrets; absent where nothing did. */
  readonly failure?: string
  /** Of what went wrong, or of what opened the breaker. */
  readonly category?: FailureCategory
  /** Milliseconds since 1970 from which on another try makes sense, where that is known. */
  readonly retryAt?: number
  /** Milliseconds; 0 where nothing was sent since the breaker was open. */
  readonly latency: number
}

/** What a model said. */
export interface Answer {
  readonly model: string
  /** Of the first choice; '' where it only calls tools. */
  readonly text: string
  readonly finishReason?: string
  readonly usage: Usage
  /** US dollars; absent where a price is not known. 0 of a cached answer. */
  readonly cost?: number
  /** Milliseconds from the call to the answer, waits and failed attempts included. */
  readonly latency: number
  /** In order, the one that gave the answer last; none of a cached answer. */
  readonly attempts: readonly Attempt[]
  readonly isCached: boolean
  /** The whole answer as `/chat/completions` gives it, whatever the endpoint speaks. */
  readonly body: unknown
}

/**
 * The bytes of a received request with some of its top-level fields given other values, added where it lacks them; all else stays
 * as it came. It does not ask for a stream.
 */
export type ReceivedBytes = (fields: Readonly<Record<string, unknown>>) => Uint8Array

/** What is asked, and of whom. */
export interface ChatCall {
  /** In order: the chosen, then fallbacks. At least one. */
  readonly models: readonly Model[]
  readonly body: ChatBody
  /** Sent in place of `body`, with the model's name, to models of OpenAI's form; not where `onText` asks for a stream. */
  readonly received?: ReceivedBytes
  /** Of the client, names in lower case. Those of an allow-list go along. */
  readonly headers?: ForwardRequest['headers']
  /** Aborting it cancels the call, which then throws the signal's reason. */
  readonly signal?: AbortSignal
  /**
   * Called as soon as something is owed: for an answer; for the request alone, as estimated, where the signal ends an attempt that
   * is under way, since the model may be paid for it all the same.
   */
  readonly onSpent?: (spent: Spent) => void
  /** Empty; gets each attempt as it ends, so that those made are known also where the signal ends the call. */
  readonly attempts?: Attempt[]
  /** Called with each piece of text; the answer is streamed then. After the first piece no other model is tried. */
  readonly onText?: (text: string) => void
  /** Neither looks into the response cache nor adds to it, as for several samples of one prompt. Default false. */
  readonly skipsCache?: boolean
}

/** Calls models: retries, breaker per model, fallback, response cache, concurrency and rate limits, live statistics. */
export interface Caller {
  /**
   * Exactly one answer or one error.
   * @throws CallError after the last attempt at the last model; UsageError where the model to call first has no endpoint or no
   * key in its environment variable; the reason of `signal`.
   */
  call(call: ChatCall): Promise<Answer>
  readonly statistics: PoolStatistics
  /** Ends what is under way and lets go of all connections. */
  close(): Promise<void>
}

/** How models are called. */
export interface UpstreamOptions extends CallSettings {
  /** Bytes of an answer; a longer one is a failure. Default 64 MB. */
  readonly maxAnswerBytes?: number
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Waits that many milliseconds, or less where the signal is aborted. */
  readonly sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>
  /** In [0, 1). */
  readonly random?: () => number
}

/** Received bytes on their way to a model. */
export interface ForwardRequest {
  /** In order: the chosen, then fallbacks. At least one. */
  readonly models: readonly Model[]
  /** What follows the base URL, with its slash: `/chat/completions`. Never from a client. */
  readonly path: string
  /** The bytes to send, with the value of `model` replaced. */
  readonly bodyFor: (model: Model) => Uint8Array
  /** Of the client, names in lower case. Those of an allow-list go along. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Whether an event stream was asked for. */
  readonly isStream: boolean
  /** Aborting it cancels the call, before and after its answer has begun. */
  readonly signal?: AbortSignal
  /** Called where the signal ends an attempt that is under way: the model may be paid for it all the same. */
  readonly onAbandoned?: (model: Model) => void
  /** Empty; gets each attempt as it ends, so that those made are known also where the signal ends the call. */
  readonly attempts?: Attempt[]
  /** Neither looks into the response cache nor adds to it. Default false. */
  readonly skipsCache?: boolean
}

/** How an answer ended: all of it came, it broke off, or the client went away. */
export type Ending = 'whole' | 'cut' | 'abandoned'

/** An answer on its way back. */
export interface Forwarded {
  readonly model: Model
  readonly status: number
  /** Those of an allow-list, names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Read once. Throws where it breaks off; ending the iteration early cancels the call. */
  readonly body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
  /** The same in one piece, where all of it is there already: always where `isStream` is false. */
  readonly bytes?: Uint8Array | undefined
  /**
   * The parsed body, where `isStream` is false and the status 200 to 299; `body` gives its bytes all the same. Of a stream that was
   * made of an answer, that answer, unless it comes from the cache.
   */
  readonly json?: unknown
  readonly attempts: readonly Attempt[]
  readonly isCached: boolean
  /** Whether it says that the model failed, once it has ended or broken off. */
  isFailed(): boolean
  /**
   * To be called once, when the body has been read or given up; what comes after the first call does nothing.
   * `abandoned` cancels what is under way. Cost and tokens go to the statistics.
   */
  release(ending: Ending, figures?: { readonly cost?: number; readonly outputTokens?: number }): void
}

/** Sends received bytes to models and their bytes back. */
export interface Forwarder {
  /**
   * Retries and falls back until an answer has begun: of a stream its first event, else all of it, as valid JSON. A request's own
   * fault (400, 404, 413, 422 …) is an answer too and goes back as it came.
   * @throws CallError after the last attempt at the last model; UsageError as `call` does; the reason of `signal`.
   */
  forward(request: ForwardRequest): Promise<Forwarded>
  /** Loads what the first request would wait for. @throws DataError where the folder of the response cache cannot be used. */
  open(): Promise<void>
  readonly statistics: PoolStatistics
  close(): Promise<void>
}

/** What a `CallError` says beyond its message. */
export interface CallErrorDetails {
  readonly attempts: readonly Attempt[]
  /** Of the last answer, where one came. */
  readonly status?: number
  /** Milliseconds since 1970 from which on another try makes sense, where that is known: an open breaker, `Retry-After`. */
  readonly retryAt?: number
  /** Whether key or account was refused, which waiting does not mend. */
  readonly isAccountRefused: boolean
  /** Whether the request itself was at fault, so that no model will take it. */
  readonly isRequestRefused: boolean
  /** The message for clients of a server, who must not learn where models run; absent where nobody wrote one. */
  readonly told?: string
}

/** No model gave an answer. Its `name` is UpstreamError's, which decides the exit code. */
export class CallError extends UpstreamError implements CallErrorDetails {
  readonly attempts: readonly Attempt[]
  readonly status?: number
  readonly retryAt?: number
  readonly isAccountRefused: boolean
  readonly isRequestRefused: boolean
  readonly told?: string

  constructor(message: string, details: CallErrorDetails) {
    const { attempts, status, retryAt, isAccountRefused, isRequestRefused, told } = details
    super(message)
    this.attempts = attempts
    if (status !== undefined) this.status = status
    if (retryAt !== undefined) this.retryAt = retryAt
    if (told !== undefined) this.told = told
    this.isAccountRefused = isAccountRefused
    this.isRequestRefused = isRequestRefused
  }
}
