import type { ServerResponse } from 'node:http'
import type { Model } from '../types.ts'
import type { Attempt, Forwarded, ForwardRequest } from '../upstream/upstream_types.ts'
import { costOf, readUsage } from '../upstream/usage.ts'
import { type ApiError, apiErrorOf, envelope } from './envelope.ts'
import { answerError } from './error_answer.ts'
import type { Exchange, Routing, ServerParts } from './server_types.ts'
import { createStreamWatcher, type StreamWatcher } from './sse.ts'

/** What a token is taken to be where an answer does not count them. */
const CHARACTERS_PER_TOKEN = 4

/** What is passed on, and what is known of it so far. */
export interface Passing {
  readonly parts: ServerParts
  readonly routing: Routing
  readonly exchange: Pick<Exchange, 'id' | 'client' | 'path' | 'asked' | 'started' | 'request' | 'decision'>
  readonly inputCharacters: number
  readonly request: Omit<ForwardRequest, 'signal'>
  /** Called when a model has taken the request. */
  onAnswer(model: Model): void
}

/** Sends a request to its models and the answer's bytes to the client, and says once what became of it. */
export async function passOn(response: ServerResponse, passing: Passing): Promise<void> {
  const { parts, routing, exchange, request } = passing
  const gone = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) gone.abort()
  })
  let forwarded: Forwarded
  try {
    forwarded = await routing.forwarder.forward({ ...request, signal: gone.signal })
  } catch (error) {
    const failure = apiErrorOf(error, parts.now())
    report(passing, {
      status: gone.signal.aborted ? 499 : failure.status,
      error: failure,
      ending: gone.signal.aborted ? 'abandoned' : 'failed',
      attempts: attemptsOf(error),
      isCached: false,
    })
    return answerError(response, failure, exchange.id)
  }
  passing.onAnswer(forwarded.model)
  const watcher = createStreamWatcher()
  const waited = forwarded.attempts.at(-1)?.latency ?? 0
  const headers = { ...forwarded.headers, ...decisionHeaders(exchange, forwarded) }
  const firstByte = parts.now() - exchange.started
  const overhead = Math.max(0, firstByte - waited)
  const ending = await (request.isStream
    ? pipe(forwarded, response, headers, { watcher, gone: gone.signal })
    : sendWhole(forwarded, response, headers, gone.signal))
  const figures = figuresOf(passing, forwarded, watcher)
  forwarded.release(ending, {
    ...(figures.cost === undefined ? {} : { cost: figures.cost }),
    ...(figures.usage ? { outputTokens: figures.usage.outputTokens } : {}),
  })
  report(passing, {
    status: forwarded.status,
    model: forwarded.model.id,
    ending,
    attempts: forwarded.attempts,
    isCached: forwarded.isCached,
    firstByte,
    overhead,
    ...figures,
  })
}

type Outcome = Pick<Exchange, 'status' | 'ending' | 'attempts' | 'isCached'> &
  Partial<Pick<Exchange, 'model' | 'error' | 'firstByte' | 'overhead' | 'usage' | 'cost'>>

function report({ parts, exchange, request }: Passing, outcome: Outcome): void {
  parts.onExchange({
    ...exchange,
    ...outcome,
    isStream: request.isStream,
    latency: parts.now() - exchange.started,
  })
}

/** What an answer's headers say of the decision. */
export function decisionHeaders(
  { id, decision }: Pick<Exchange, 'id' | 'decision'>,
  { model, attempts, isCached }: Pick<Forwarded, 'attempts' | 'isCached'> & { readonly model: Pick<Model, 'id'> },
): Record<string, string> {
  const { strategy, winRate, threshold, policy } = decision!
  return {
    'x-llmroute-request-id': id,
    'x-llmroute-model': encoded(model.id),
    'x-llmroute-policy': policy,
    ...(strategy === undefined ? {} : { 'x-llmroute-strategy': strategy }),
    ...(winRate === undefined ? {} : { 'x-llmroute-win-rate': String(winRate) }),
    ...(threshold === undefined ? {} : { 'x-llmroute-threshold': String(threshold) }),
    'x-llmroute-attempts': String(attempts.length),
    'x-llmroute-cache': isCached ? 'hit' : 'miss',
  }
}

/** Ids may hold what a header may not. */
function encoded(id: string): string {
  return /^[\x21-\x7e]+$/.test(id) ? id : encodeURIComponent(id)
}

type Ending = 'whole' | 'cut' | 'abandoned'

/** The body in one piece, as the forwarder has it: one write costs less than several. */
async function sendWhole(
  { status, body }: Forwarded,
  response: ServerResponse,
  headers: Record<string, string>,
  gone: AbortSignal,
): Promise<Ending> {
  const pieces: Uint8Array[] = []
  for await (const piece of body) pieces.push(piece)
  if (gone.aborted) return 'abandoned'
  const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
  response.writeHead(status, { ...headers, 'content-length': bytes.length })
  response.end(bytes)
  return 'whole'
}

/** Copies a stream. One that breaks off ends with an error event: a clean end would say that the answer is whole. */
async function pipe(
  { status, body }: Forwarded,
  response: ServerResponse,
  headers: Record<string, string>,
  { watcher, gone }: { readonly watcher: StreamWatcher; readonly gone: AbortSignal },
): Promise<Ending> {
  response.writeHead(status, headers)
  try {
    for await (const chunk of body) {
      watcher.see(chunk)
      if (!response.write(chunk)) await drained(response)
      if (gone.aborted) return 'abandoned'
    }
  } catch {
    if (gone.aborted) return 'abandoned'
    const event = `data: ${envelope(CUT)}\n\n`
    response.end(watcher.figures().isBetweenEvents ? event : `\n\n${event}`)
    return 'cut'
  }
  response.end()
  return 'whole'
}

const CUT: ApiError = {
  status: 502,
  type: 'upstream_error',
  code: 'stream_cut',
  message: 'The model broke off before its answer was complete.',
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    const go = () => {
      response.off('drain', go)
      response.off('close', go)
      resolve()
    }
    response.once('drain', go)
    response.once('close', go)
  })
}

function figuresOf(
  { inputCharacters, request }: Passing,
  forwarded: Forwarded,
  watcher: StreamWatcher,
): Pick<Exchange, 'usage' | 'cost'> {
  const { status, model, json, isCached } = forwarded
  if (status >= 300) return {}
  const { usage, characters } = request.isStream ? watcher.figures() : fromJson(json)
  const counted = readUsage(usage) ?? {
    inputTokens: Math.ceil(inputCharacters / CHARACTERS_PER_TOKEN),
    outputTokens: Math.ceil(characters / CHARACTERS_PER_TOKEN),
    isEstimated: true,
  }
  const cost = isCached ? 0 : costOf(model, counted)
  return { usage: counted, ...(cost === undefined ? {} : { cost }) }
}

function fromJson(json: unknown): { usage: unknown; characters: number } {
  const { usage, choices } = (json ?? {}) as { usage?: unknown; choices?: unknown }
  const texts = Array.isArray(choices) ? choices.map(choice => choice?.message?.content ?? choice?.text) : []
  return { usage, characters: texts.reduce((sum, text) => sum + (typeof text === 'string' ? text.length : 0), 0) }
}

function attemptsOf(error: unknown): readonly Attempt[] {
  const { attempts } = (error ?? {}) as { attempts?: unknown }
  return Array.isArray(attempts) ? attempts : []
}
