import { UsageError } from '../errors.ts'
import type { Model } from '../types.ts'
import type { Ticket } from './admission.ts'
import { anthropicForm } from './anthropic_form.ts'
import { AttemptFailure } from './attempt_failure.ts'
import { eventsOf, includesUsage } from './completion_events.ts'
import { destinationOf, headersFor, keyOf } from './destination.ts'
import { type Begun, keyOfForward, saysFailed, storedAnswer, storing } from './forward_cache.ts'
import { incomingHeaders, outgoingHeaders } from './forward_headers.ts'
import { parseJson } from './json.ts'
import { openaiForm } from './openai_form.ts'
import { type Pursuit, pursue } from './pursuit.ts'
import { contentOf, isRefusal, readRefusal } from './reply_check.ts'
import type { ByteCache } from './response_cache.ts'
import { withoutCredentials } from './secrets.ts'
import { createEndWatch } from './stream_end.ts'
import { readStart } from './stream_start.ts'
import type { Reply } from './transport.ts'
import { createUpstreamCore, type UpstreamCore } from './upstream_core.ts'
import type { Attempt, ChatBody, Forwarded, Forwarder, ForwardRequest, UpstreamOptions } from './upstream_types.ts'

/** Passes bytes between clients and models. @param core shared with a caller, where there is one. */
export function createForwarder(
  options: UpstreamOptions = {},
  core: UpstreamCore = createUpstreamCore(options),
): Forwarder {
  return {
    statistics: core.health.statistics,
    close: core.close,
    async open() {
      await core.transport()
      await core.cache()
    },
    async forward(request) {
      const { models, signal, onAbandoned, attempts: made } = request
      if (models.length === 0) throw new UsageError('forward: expected a model, got none. Name one.')
      const opened = request.skipsCache ? undefined : core.cache()
      const cache = opened && (await opened)
      const attempt: Pursuit<Begun>['attempt'] = (model, ticket, earlier) =>
        begin(core, request, model, ticket, earlier)
      const { value, model, attempts, isCached } = await pursue<Begun>(
        core,
        cache
          ? { models, signal, onAbandoned, attempts: made, ...throughCache(cache, request, attempt, core) }
          : { models, signal, onAbandoned, attempts: made, attempt },
      )
      const { status, headers, body, bytes, json, release, isFailed } = value
      // Field by field: a copy of all is slow, and made for every request.
      return { status, headers, body, bytes, json, release, isFailed, model, attempts, isCached }
    },
  }
}

/** The same, with answers that are stored and are looked for there first. */
function throughCache(
  cache: ByteCache,
  request: ForwardRequest,
  attempt: Pursuit<Begun>['attempt'],
  { maxAnswerBytes }: UpstreamCore,
): Pick<Pursuit<Begun>, 'cached' | 'attempt'> {
  return {
    cached: async model => storedAnswer(await cache.get(keyOfForward(model, request))),
    async attempt(model, ticket, earlier) {
      const begun = await attempt(model, ticket, earlier)
      if (begun.status < 200 || begun.status >= 300) return begun
      return storing(begun, maxAnswerBytes, bytes => cache.set(keyOfForward(model, request), bytes))
    },
  }
}

/** One attempt, until it is certain that this model answers. */
async function begin(
  core: UpstreamCore,
  request: ForwardRequest,
  model: Model,
  ticket: Ticket,
  earlier: readonly Attempt[],
): Promise<Begun> {
  const { models, path, bodyFor, headers: client, isStream, signal } = request
  const { origin, path: full } = destinationOf(model, path)
  const body = bodyFor(model)
  const headers = outgoingHeaders(client, headersFor(model), model !== models[0])
  const opening = core.transport()
  const transport = opening instanceof Promise ? await opening : opening
  const reply = await transport.send({ origin, path: full, headers, body, signal })
  ticket.status = reply.status
  if (isRefusal(reply)) {
    const { answer, failure } = await readRefusal(reply, body, core.now())
    const { kind } = failure
    const isFinal = kind === 'request' || (kind === 'unsuited' && model === models.at(-1))
    if (!isFinal || hides(model, earlier)) throw failure
    ticket.fail(failure)
    return whole(reply, withoutCredentials(answer, model), undefined, model, ticket)
  }
  const isEvents = contentOf(reply) === 'events'
  // Some endpoints do not stream whatever they are asked.
  const isMadeStream = isStream && !isEvents && path === '/chat/completions'
  if (isEvents !== isStream && !isMadeStream) {
    reply.body.cancel()
    const phrase = isEvents ? 'a stream, which was not asked for' : 'an answer that is not streamed'
    // A request can say `stream` twice, or in capitals that some endpoints read: nobody is to open a breaker by what they write.
    throw new AttemptFailure(phrase, 'unsuited', { advice: 'Check the request and the base URL.' })
  }
  if (isStream && !isMadeStream) return streamed(reply, model, path, ticket, signal)
  const bytes = reply.body.arrived(core.maxAnswerBytes) ?? (await reply.body.bytes(core.maxAnswerBytes))
  const json = parseJson(bytes.toString('utf8'))
  if (json === undefined)
    throw new AttemptFailure('an answer that is not JSON', 'passing', { advice: 'Check the base URL.' })
  if (isMadeStream) {
    const events = eventsOf(
      openaiForm.read(json),
      includesUsage(parseJson(Buffer.from(body).toString('utf8')) as ChatBody),
    )
    const headers = { ...reply.headers, 'content-type': 'text/event-stream' }
    return whole({ ...reply, headers }, Buffer.from(events), json, model, ticket)
  }
  if (path === '/chat/completions') openaiForm.read(json)
  else if (path === '/messages') anthropicForm.read(json)
  else requireNoError(json)
  return whole(reply, bytes, json, model, ticket)
}

/** Whether a refusal by this model would hide that another failed, which may pass. */
function hides({ id }: Model, earlier: readonly Attempt[]): boolean {
  return earlier.some(({ model, category, status = 0 }) => {
    const isRefusal = category === 'request' || (category === 'other' && status >= 400 && status < 500)
    return model !== id && category !== undefined && !isRefusal
  })
}

/** Of answers that are read no further. Those of the Responses API say by themselves how they ended. */
function requireNoError(json: unknown): void {
  const { error, object } = (json ?? {}) as { error?: unknown; object?: unknown }
  if (error && object !== 'response') throw new AttemptFailure('an error with status 200', 'passing')
}

function whole({ status, headers }: Reply, bytes: Uint8Array, json: unknown, model: Model, ticket: Ticket): Begun {
  const shown = incomingHeaders(headers, keyOf(model))
  const isFailed = saysFailed(json)
  const told = isFailed ? withoutCredentials(bytes, model) : bytes
  const release = releaseOf(ticket, () => {})
  return { status, headers: shown, body: [told], bytes: told, json, release, isFailed: () => isFailed }
}

async function streamed(
  { status, headers, body }: Reply,
  model: Model,
  path: string,
  ticket: Ticket,
  signal: AbortSignal | undefined,
): Promise<Begun> {
  const chunks = body[Symbol.asyncIterator]()
  const held = await readStart(chunks).catch(error => {
    body.cancel()
    throw error
  })
  const release = releaseOf(ticket, () => body.cancel())
  const end = createEndWatch(path)
  async function* all() {
    let isOver = false
    try {
      for (const chunk of held) {
        end.see(chunk)
        yield chunk
      }
      for (;;) {
        const { value, done } = await chunks.next()
        if (done) break
        end.see(value)
        yield value
      }
      isOver = true
      if (!end.isWhole(true)) throw new AttemptFailure('a stream that broke off', 'passing')
    } catch (error) {
      isOver = true
      // Whoever has heard the end may hang up, and so may the endpoint.
      if (end.isWhole(false)) return
      release(signal?.aborted ? 'abandoned' : 'cut')
      throw error
    } finally {
      if (!isOver) release('abandoned')
    }
  }
  return { status, headers: incomingHeaders(headers, keyOf(model)), body: all(), release, isFailed: end.isFailed }
}

function releaseOf(ticket: Ticket, cancel: () => void): Forwarded['release'] {
  return (ending, figures = {}) => {
    if (ending === 'whole') ticket.succeed(figures)
    else if (ending === 'cut') ticket.fail(new AttemptFailure('a stream that broke off', 'passing'))
    else ticket.abandon()
    if (ending !== 'whole') cancel()
  }
}
