import { upstreamErrorOf } from './upstream_error.ts'

/** An error as OpenAI's clients expect it: HTTP status and the `error` object. */
export interface ApiError {
  readonly status: number
  readonly type: string
  readonly code: string | null
  readonly message: string
  readonly param?: string
  /** Seconds after which another try makes sense. */
  readonly retryAfter?: number
  /** Of a 405: the methods that there are. */
  readonly allow?: string
  /** What only the log says: of what is our fault, the stack. */
  readonly detail?: string
}

/** What a handler throws to end a request with an error. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure'
  readonly error: ApiError

  constructor(error: ApiError) {
    super(error.message)
    this.error = error
  }
}

/** 400 with `invalid_request_error`. */
export function invalidRequest(message: string, param?: string, code: string | null = null): ApiFailure {
  return new ApiFailure({ status: 400, type: 'invalid_request_error', code, message, ...(param ? { param } : {}) })
}

/** Whoever asked went away; nobody hears it. */
export function clientGone(): ApiFailure {
  const message = 'The client went away.'
  return new ApiFailure({ status: 499, type: 'invalid_request_error', code: 'client_gone', message })
}

/** The body that carries an error. */
export function envelope({ type, code, message, param }: ApiError): string {
  return JSON.stringify({ error: { message, type, param: param ?? null, code } })
}

/** Of a status, as Anthropic names it; `api_error` for all others. */
const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
}

/** The same as Anthropic's clients expect it; the code is ours. */
export function anthropicEnvelope({ status, code, message }: ApiError): string {
  return JSON.stringify({ type: 'error', error: { type: ANTHROPIC_TYPES[status] ?? 'api_error', message, code } })
}

/** What whoever asked is told of an error that a handler threw; nothing of one that is ours. */
export function apiErrorOf(error: unknown, now: number): ApiError {
  if (error instanceof ApiFailure) return error.error
  const { name, message } = error instanceof Error ? error : { name: '', message: '' }
  if (name === 'UsageError') return { status: 400, type: 'invalid_request_error', code: null, message }
  if (name === 'UpstreamError') return upstreamErrorOf(error as Error, now)
  const told = 'The router failed. Its log says more.'
  const detail = error instanceof Error ? (error.stack ?? message) : 'Something that is no error was thrown.'
  return { status: 500, type: 'server_error', code: 'internal_error', message: told, detail }
}
