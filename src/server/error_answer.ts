import type { ServerResponse } from 'node:http'
import { type ApiError, anthropicEnvelope, envelope } from './envelope.ts'

/** Statuses after which the connection ends: what is left of a body that was not read would be taken for the next request. */
const UNREAD = [401, 413, 429, 503]

/** Addresses whose clients speak Anthropic's form: `/v1/messages` and what lies below it. */
const ANTHROPIC = /^\/v1\/messages(?:[/?#]|$)/

/** Ends a request with an error; where its answer has begun, by breaking off. `id` is the request's, where it is known. */
export function answerError(response: ServerResponse, error: ApiError, id?: string): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const body = ANTHROPIC.test(response.req.url ?? '') ? anthropicEnvelope(error) : envelope(error)
  response.writeHead(error.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(id === undefined ? {} : { 'x-llmroute-request-id': id }),
    ...(error.status === 401 ? { 'www-authenticate': 'Basic realm="llmroute"' } : {}),
    ...(error.allow === undefined ? {} : { allow: error.allow }),
    ...(error.retryAfter === undefined ? {} : { 'retry-after': String(error.retryAfter) }),
    ...(UNREAD.includes(error.status) && !response.req.complete ? { connection: 'close' } : {}),
  })
  response.end(body)
}
