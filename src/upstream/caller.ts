import { createHash } from 'node:crypto'
import { UsageError } from '../errors.ts'
import { needsOf, turnsOf } from '../routing/needs.ts'
import type { Model, RouteRequest } from '../types.ts'
import type { Ticket } from './admission.ts'
import { AttemptFailure } from './attempt_failure.ts'
import { type ChatForm, type Completion, formOf, textOf } from './chat_form.ts'
import { destinationOf, headersFor } from './destination.ts'
import { createEventParser } from './event_stream.ts'
import { outgoingHeaders, shapingHeaders } from './forward_headers.ts'
import { parseJson } from './json.ts'
import { openaiForm } from './openai_form.ts'
import { pursue } from './pursuit.ts'
import { contentOf, isRefusal, readRefusal } from './reply_check.ts'
import type { Reply } from './transport.ts'
import { createUpstreamCore, type UpstreamCore } from './upstream_core.ts'
import type { Answer, Caller, ChatBody, ChatCall, Spent, UpstreamOptions, Usage } from './upstream_types.ts'
import { completeUsage, costOf, readTokens } from './usage.ts'
import { writtenBytes } from './written.ts'

/** Calls models for their answers. @param core shared with a forwarder, where there is one. */
export function createCaller(options: UpstreamOptions = {}, core: UpstreamCore = createUpstreamCore(options)): Caller {
  return {
    statistics: core.health.statistics,
    close: core.close,
    async call(call) {
      if (call.models.length === 0) throw new UsageError('call: expected a model, got none. Name one.')
      const started = performance.now()
      const cache = call.skipsCache ? undefined : await core.cache()
      let hasSpoken = false
      const onText =
        call.onText &&
        ((text: string) => {
          hasSpoken = true
          call.onText?.(text)
        })
      const { value, model, attempts, isCached } = await pursue<Said>(core, {
        models: call.models,
        signal: call.signal,
        onAbandoned: call.onSpent && (model => call.onSpent!(askingSpent(model, call.body))),
        attempts: call.attempts,
        isCommitted: () => hasSpoken,
        ...(cache ? { cached: async model => decode(await cache.get(keyOfCall(model, call))) } : {}),
        async attempt(model, ticket) {
          const completion = await ask(core, model, ticket, call, onText)
          const usage = completeUsage(
            readTokens(completion.usage),
            () => requestIn(call.body),
            () => writtenBytes(completion.choices),
          )
          ticket.succeed({ cost: costOf(model, usage), outputTokens: usage.outputTokens })
          cache?.set(keyOfCall(model, call), encode({ completion, usage }))
          return { completion, usage }
        },
      })
      const text = textOf(value.completion)
      if (isCached && text) onText?.(text)
      const answer = answerOf(value, text, model, attempts, isCached, performance.now() - started)
      call.onSpent?.({ model: model.id, cost: answer.cost, usage: isCached ? undefined : value.usage })
      return answer
    },
  }
}

/** What a model said, and what it took. */
interface Said {
  readonly completion: Completion
  readonly usage: Usage
}

/** One attempt. @throws AttemptFailure; the reason of the signal; what `onText` throws. */
async function ask(
  core: UpstreamCore,
  model: Model,
  ticket: Ticket,
  call: ChatCall,
  onText: ((text: string) => void) | undefined,
): Promise<Completion> {
  const { headers: client = {}, signal } = call
  const form = formOf(model)
  const request = requestOf(model, call, onText !== undefined)
  const { origin, path } = destinationOf(model, form.path)
  const transport = await core.transport()
  const headers = outgoingHeaders(client, headersFor(model))
  const reply = await transport.send({ origin, path, headers, body: request, signal })
  ticket.status = reply.status
  if (isRefusal(reply)) throw (await readRefusal(reply, request, core.now())).failure
  if (contentOf(reply) === 'events') {
    if (!onText) {
      reply.body.cancel()
      // Received bytes may ask for it in a way that only the endpoint reads.
      const kind = call.received ? 'unsuited' : 'passing'
      throw new AttemptFailure('content type text/event-stream', kind, { advice: 'Check the base URL.' })
    }
    return readStream(form, reply, core.maxAnswerBytes, onText)
  }
  const json = parseJson((await reply.body.bytes(core.maxAnswerBytes)).toString('utf8'))
  if (json === undefined)
    throw new AttemptFailure('an answer that is not JSON', 'passing', { advice: 'Check the base URL.' })
  const completion = form.read(json)
  const text = textOf(completion)
  // Some endpoints do not stream whatever they are asked.
  if (text) onText?.(text)
  return completion
}

/** What is sent. @throws UsageError as `written`. */
function requestOf(model: Model, { body, received }: ChatCall, isStream: boolean): string | Uint8Array {
  const form = formOf(model)
  if (received && form === openaiForm && !isStream) return received({ model: model.endpoint?.name ?? model.id })
  return written(form.request(body, model, isStream))
}

/** @throws UsageError where the request is no JSON, or too deep to be written. */
function written(request: unknown): string {
  try {
    return JSON.stringify(request)
  } catch {
    throw new UsageError('call: expected a request that can be written as JSON, got one that is too deep or no JSON.')
  }
}

async function readStream(
  form: ChatForm,
  { body }: Reply,
  most: number,
  onText: (text: string) => void,
): Promise<Completion> {
  const parser = createEventParser()
  const reader = form.reader()
  let bytes = 0
  const take = (events: ReturnType<typeof parser.push>) => {
    for (const event of events) {
      const text = reader.take(event)
      if (text) onText(text)
    }
  }
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > most) throw new AttemptFailure(`an answer of more than ${most} bytes`, 'lasting')
    take(parser.push(chunk))
    if (reader.isDone()) break
  }
  take(parser.end())
  return reader.end()
}

/** What a request alone takes, as estimated. */
function askingSpent(model: Model, body: ChatBody): Spent {
  const usage = completeUsage(
    { inputTokens: undefined, outputTokens: 0 },
    () => requestIn(body),
    () => 0,
  )
  return { model: model.id, cost: costOf(model, usage), usage }
}

/** For counting. */
function requestIn(body: ChatBody): RouteRequest {
  return { prompt: '', turns: turnsOf(body), needs: needsOf(body) }
}

function answerOf(
  { completion, usage }: Said,
  text: string,
  model: Model,
  attempts: Answer['attempts'],
  isCached: boolean,
  latency: number,
): Answer {
  const finishReason = completion.choices[0]?.finish_reason
  const cost = isCached ? 0 : costOf(model, usage)
  return {
    model: model.id,
    text,
    ...(typeof finishReason === 'string' ? { finishReason } : {}),
    usage,
    ...(cost === undefined ? {} : { cost }),
    latency,
    attempts,
    isCached,
    body: completion,
  }
}

/** A hash of all that decides the answer: where it is asked, and the whole request. The key is no part of it. */
function keyOfCall(model: Model, call: ChatCall): string {
  const { origin, path } = destinationOf(model, formOf(model).path)
  const where = written([origin, path, model.endpoint?.headers, shapingHeaders(call.headers)])
  return createHash('sha256')
    .update(where)
    .update(requestOf(model, call, false))
    .digest('hex')
}

function encode(said: Said): Uint8Array {
  return Buffer.from(JSON.stringify(said))
}

function decode(bytes: Uint8Array | undefined): Said | undefined {
  return bytes && (parseJson(Buffer.from(bytes).toString('utf8')) as Said | undefined)
}
