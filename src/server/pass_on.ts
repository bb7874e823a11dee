import type { ServerResponse } from 'node:http'
import type { Model } from '../types.ts'
import type { Attempt, Forwarded, ForwardRequest } from '../upstream/upstream_types.ts'
import { abandonedFigures, answerFigures, unseenTokens } from './answer_figures.ts'
import { failedHeaders, tellAnswer } from './decision_headers.ts'
import { type ApiError, anthropicEnvelope, apiErrorOf, envelope } from './envelope.ts'
import { answerError, refusalBody, refusalError } from './error_answer.ts'
import { abortedEnding, goneSignal } from './gone.ts'
import { shownOfFailed, tellsError } from './model_errors.ts'
import { countStream } from './open_streams.ts'
import type { Exchange, Routing, ServerParts } from './server_types.ts'
import { drained, handedOver } from './slow_reader.ts'
import { createStreamWatcher, type StreamWatcher } from './sse.ts'
import { createWholeEvents } from './whole_events.ts'

/** What is known of an exchange before a model has answered. */
export type Begun = Pick<Exchange, 'id' | 'client' | 'path' | 'asked' | 'started' | 'request' | 'decision'>

/** What is passed on, and what is known of it so far. */
export interface Passing {
  readonly parts: ServerParts
  readonly routing: Routing
  readonly exchange: Begun
  readonly request: Omit<ForwardRequest, 'signal' | 'onAbandoned' | 'attempts'>
  /** Whether the answer is to be written after the request has ended: `background` of the Responses API. */
  readonly isBackground: boolean
  /** Called when a model has taken the request. */
  onAnswer(model: Model): void
  /** Called when a response of the Responses API has ended. */
  onResponse?(model: Model, id: unknown): void
}

/** Sends a request to its models and the answer's bytes to the client, and says once what became of it. */
export async function passOn(response: ServerResponse, passing: Passing): Promise<void> {
  const { parts, routing, exchange, isBackground } = passing
  const { statistics } = routing.pool
  const { models, path, bodyFor, headers: received, isStream, skipsCache = false } = passing.request
  const signal = goneSignal(response)
  let forwarded: Forwarded
  const made: Attempt[] = []
  let left: Model | undefined
  const onAbandoned = (model: Model) => {
    left = model
  }
  try {
    const asked = {
      models,
      path,
      bodyFor,
      headers: received,
      isStream,
      skipsCache,
      signal,
      onAbandoned,
      attempts: made,
    }
    forwarded = await routing.forwarder.forward(asked)
  } catch (thrown) {
    const { ending, error } = signal.aborted
      ? abortedEnding(signal)
      : { ending: 'failed' as const, error: apiErrorOf(thrown, parts.now()) }
    const tried = attemptsOf(thrown, made)
    const unseen = left && isBackground ? unseenTokens(true, undefined, left, exchange.request, statistics) : undefined
    const paid = left && { model: left.id, ...abandonedFigures(left, exchange.request, unseen) }
    report(passing, { status: error.status, error, ending, attempts: tried, isCached: false, ...paid })
    return answerError(response, error, exchange.id, failedHeaders(exchange, tried))
  }
  const { model, status, attempts, isCached } = forwarded
  const waited = attempts.reduce((sum, { latency }) => sum + latency, 0)
  const isRefused = status >= 400
  const bytes = isRefused ? refusalBody(response, model.id, status, forwarded.bytes!) : forwarded.bytes
  const headers = headersOf(forwarded, bytes)
  tellAnswer(headers, exchange, model.id, attempts, isCached)
  const firstByte = parts.now() - exchange.started
  const watcher = isStream && !isRefused ? createStreamWatcher() : undefined
  let came: Ending = 'whole'
  if (watcher) {
    const piping = pipe(forwarded, response, headers, { watcher, path, gone: signal })
    passing.onAnswer(model)
    came = await piping
  } else {
    sendWhole(status, bytes, response, headers)
    passing.onAnswer(model)
  }
  const json = forwarded.json as { readonly id?: unknown } | null | undefined
  passing.onResponse?.(model, watcher ? watcher.figures().responseId : json?.id)
  const released = came === 'stopped' ? 'abandoned' : came
  const unseen =
    path === '/responses' ? unseenTokens(isBackground, json, model, exchange.request, statistics) : undefined
  const { usage, cost } = answerFigures(forwarded, exchange.request, watcher, released, unseen)
  // The model has done its part, however long the client takes to read. What nobody saw says nothing of its answers.
  forwarded.release(released, {
    ...(cost === undefined || unseen !== undefined ? {} : { cost }),
    ...(usage && unseen === undefined ? { outputTokens: usage.outputTokens } : {}),
  })
  // Waits between attempts are neither the model's nor ours.
  const overhead = attempts.length > 1 ? undefined : Math.max(0, firstByte - waited)
  const ending = isRefused ? ('failed' as const) : came
  const error = isRefused ? refusalError(model.id, status, attempts.at(-1)!.failure!) : undefined
  const outcome = { status, model: model.id, error, ending, attempts, isCached, firstByte, overhead, usage, cost }
  // A client that hangs up behind the end of a stream has read it.
  const isRead = (watcher !== undefined && came === 'whole' && signal.aborted) || handedOver(response)
  if (typeof isRead === 'boolean') return reportRead(passing, outcome, isRead)
  // Not waited for here, where the parsed answer would be kept meanwhile.
  return isRead.then(was => reportRead(passing, outcome, was))
}

type Outcome = Pick<Exchange, 'status' | 'ending' | 'attempts' | 'isCached'> &
  Partial<Pick<Exchange, 'model' | 'error' | 'firstByte' | 'overhead' | 'usage' | 'cost'>>

/** An answer that all came and that nobody read to its end was abandoned. */
function reportRead(passing: Passing, outcome: Outcome, isRead: boolean): void {
  report(passing, isRead || outcome.ending !== 'whole' ? outcome : { ...outcome, ending: 'abandoned' })
}

/** Field by field: copies of objects this large are slow, and this is told of every request. */
function report({ parts, exchange, request: { isStream } }: Passing, outcome: Outcome): void {
  const { id, client, path, asked, started, request, decision } = exchange
  const { status, model, error, ending, attempts, isCached, firstByte, overhead, usage, cost } = outcome
  const latency = parts.now() - started
  parts.onExchange({
    id,
    client,
    path,
    asked,
    started,
    request,
    decision,
    status,
    model,
    error,
    ending,
    attempts,
    isCached,
    isStream,
    latency,
    firstByte,
    overhead,
    usage,
    cost,
  })
}

/** Names and values in turn: an object of so many names would be slow to build. */
function headersOf({ headers, bytes }: Forwarded, sent: Uint8Array | undefined): string[] {
  const list: string[] = []
  const isOwn = sent === bytes
  for (const name in headers) if (isOwn || name !== 'content-type') list.push(name, headers[name]!)
  // An answer that does not say is JSON: clients take it for text otherwise.
  if (!isOwn || headers['content-type'] === undefined) list.push('content-type', 'application/json')
  return list
}

type Ending = 'whole' | 'cut' | 'abandoned' | 'stopped'

/** Longest answer that is written as one text with its headers. */
const ONE_PIECE = 65_536

/** The whole body. */
function sendWhole(status: number, bytes: Uint8Array | undefined, response: ServerResponse, headers: string[]): void {
  if (!bytes) throw new Error('serve: expected an answer that is no stream with its bytes, got none')
  if (response.destroyed) return
  headers.push('content-length', String(bytes.length))
  response.writeHead(status, headers)
  if (bytes.length > ONE_PIECE) return void response.end(bytes)
  // One text with the headers, and on its way before the end, which would add an empty one: several cost more than one. As latin1
  // every byte stays what it is.
  response.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'), 'latin1')
  response.socket?.uncork()
  response.end()
}

/**
 * Copies a stream, event by event. One that breaks off ends with an error event behind the last whole one: a clean end would say
 * that the answer is whole, and a client that got half an event could not read what follows.
 */
async function pipe(
  { status, body, model, isFailed }: Forwarded,
  response: ServerResponse,
  headers: string[],
  { watcher, path, gone }: { readonly watcher: StreamWatcher; readonly path: string; readonly gone: AbortSignal },
): Promise<Ending> {
  const end = countStream()
  const events = createWholeEvents()
  let hasFailed = false
  const shown = (whole: Uint8Array) => {
    hasFailed ||= tellsError(whole)
    return hasFailed ? shownOfFailed(whole, model) : whole
  }
  response.writeHead(status, headers)
  try {
    for await (const chunk of body) {
      const whole = events.take(chunk)
      if (whole) {
        const out = shown(whole)
        const isFull = out.length > 0 && !response.write(out)
        watcher.see(whole)
        if (isFull) await drained(response)
      }
      gone.throwIfAborted()
    }
  } catch {
    const { ending, error } = gone.aborted ? abortedEnding(gone) : { ending: 'cut' as const, error: CUT }
    if (ending === 'abandoned') return ending
    if (ending === 'cut' && isFailed() && (hasFailed || events.rest() === undefined)) {
      // The model has told its error itself.
      response.end()
      return ending
    }
    const event =
      path === '/messages' ? `event: error\ndata: ${anthropicEnvelope(error)}\n\n` : `data: ${envelope(error)}\n\n`
    response.end(events.isWithin() ? `\n\n${event}` : event)
    return ending
  } finally {
    end()
  }
  const rest = events.rest()
  if (rest) watcher.see(rest)
  response.end(rest && shown(rest))
  return 'whole'
}

const CUT: ApiError = {
  status: 502,
  type: 'upstream_error',
  code: 'stream_cut',
  message: 'The model broke off before its answer was complete.',
}

/** Of an error of models that gave no answer; those that were made before another. */
export function attemptsOf(error: unknown, made: readonly Attempt[]): readonly Attempt[] {
  const { attempts } = (error ?? {}) as { attempts?: unknown }
  return Array.isArray(attempts) ? attempts : made
}
