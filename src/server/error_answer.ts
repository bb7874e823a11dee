import type { ServerResponse } from 'node:http'
import { printable } from '../registry.ts'
import { parseJson } from '../upstream/json.ts'
import { type ApiError, anthropicEnvelope, envelope } from './envelope.ts'

/** Statuses after which the connection ends where the body has not come: whoever sends it should stop. */
const UNREAD = [401, 408, 413, 429, 503]

/** Milliseconds for which what still comes of a body is thrown away: to end at once would take the answer from a client that is still sending. */
const LINGER = 30_000

/** Addresses whose clients speak Anthropic's form: `/v1/messages` and what lies below it. */
const ANTHROPIC = /^\/v1\/messages(?:[/?#]|$)/

/**
 * Ends a request with an error; where its answer has begun, by breaking off. `id` is the request's, where it is known.
 * @param more headers, names and values in turn.
 */
export function answerError(
  response: ServerResponse,
  error: ApiError,
  id?: string,
  more: readonly string[] = [],
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const body = bodyOf(response, error)
  const isUnread = UNREAD.includes(error.status) && !response.req.complete
  for (let i = 0; i < more.length; i += 2) response.setHeader(more[i]!, more[i + 1]!)
  response.writeHead(error.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(id === undefined ? {} : { 'x-llmroute-request-id': id }),
    ...(error.status === 401 ? { 'www-authenticate': 'Basic realm="llmroute"' } : {}),
    ...(error.allow === undefined ? {} : { allow: error.allow }),
    ...(error.retryAfter === undefined ? {} : { 'retry-after': String(error.retryAfter) }),
    ...(isUnread ? { connection: 'close' } : {}),
  })
  if (!isUnread || error.status === 408) return void response.end(body)
  response.write(body)
  response.socket?.uncork()
  const end = () => void response.end()
  const timer = setTimeout(end, LINGER)
  response.once('close', () => clearTimeout(timer))
  response.req.once('end', end).resume()
}

/**
 * The body of a model's refusal (4xx): its own where that is JSON, which clients read; else the status in words, since a page of a
 * proxy or nothing at all says no more.
 */
export function refusalBody(response: ServerResponse, model: string, status: number, own: Uint8Array): Uint8Array {
  const said = parseJson(Buffer.from(own).toString('utf8'))
  if (typeof said === 'object' && said !== null) return own
  const error = refusalError(model, status, `status ${status} and no JSON that says why`)
  return Buffer.from(bodyOf(response, error))
}

/** What is known of a model's refusal beside the answer that goes back. @param failure as a phrase, without secrets. */
export function refusalError(model: string, status: number, failure: string): ApiError {
  const message = `${printable(model)}: expected an answer, got ${failure}.`
  return { status, type: 'invalid_request_error', code: 'request_refused', message }
}

function bodyOf({ req }: ServerResponse, error: ApiError): string {
  return ANTHROPIC.test(req.url ?? '') ? anthropicEnvelope(error) : envelope(error)
}
