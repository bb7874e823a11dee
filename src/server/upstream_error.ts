import type { FailureCategory } from '../upstream/attempt_failure.ts'
import type { Attempt } from '../upstream/upstream_types.ts'
import type { ApiError } from './envelope.ts'

/** What is read of an error of models that gave no answer; of a `CallError` all of it is there. */
interface UpstreamFailure {
  readonly message: string
  readonly told?: string
  readonly attempts?: readonly Attempt[]
  readonly retryAt?: number
}

/** Where all attempts failed alike, whoever asked is told so; everything else is a 502. */
const ANSWERS: Readonly<Partial<Record<FailureCategory, Omit<ApiError, 'message'>>>> = {
  rate_limit: { status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  timeout: { status: 504, type: 'upstream_error', code: 'upstream_timeout' },
  request: { status: 400, type: 'invalid_request_error', code: 'request_refused' },
  own: { status: 503, type: 'server_error', code: 'server_overloaded', retryAfter: 1 },
}
const OTHER: Omit<ApiError, 'message'> = { status: 502, type: 'upstream_error', code: 'upstream_failed' }

/**
 * What whoever asked is told of models that gave no answer: the truth where every attempt failed in one way, so that a client's
 * exception and its patience fit; never where models run. `Retry-After` is that of the model that is ready first.
 * @param now milliseconds since 1970.
 */
export function upstreamErrorOf({ message, told, attempts = [], retryAt }: UpstreamFailure, now: number): ApiError {
  const categories = new Set(attempts.flatMap(({ category }) => category ?? []))
  const [category] = categories
  const answer = (categories.size === 1 && ANSWERS[category!]) || OTHER
  // What a model asked for before its latest attempt is past.
  const latest = new Map(attempts.map(attempt => [attempt.model, attempt]))
  const readyAt = Math.min(...[...latest.values()].flatMap(({ retryAt }) => retryAt ?? []), retryAt ?? Infinity)
  return {
    ...answer,
    ...(category === 'request' && answer !== OTHER ? { status: attempts.at(-1)!.status ?? answer.status } : {}),
    message: told ?? 'A service that the router asks before it decides did not answer.',
    detail: message,
    ...(readyAt < Infinity ? { retryAfter: Math.max(1, Math.ceil((readyAt - now) / 1000)) } : {}),
  }
}
