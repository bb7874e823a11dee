import type { IncomingMessage, ServerResponse } from 'node:http'
import { kindOf, printable } from '../registry.ts'
import type { Model } from '../types.ts'
import type { ChatBody } from '../upstream/upstream_types.ts'
import { continuedKey, conversationKey, keepsState, readConversation, responseKey } from './conversation.ts'
import { decide, requireCallable } from './deciding.ts'
import { invalidRequest } from './envelope.ts'
import { expectedCost } from './expected_cost.ts'
import { replaceSpans } from './json_span.ts'
import { ownHeaders } from './keys.ts'
import { passOn } from './pass_on.ts'
import { answerPlanned } from './planned.ts'
import { requireJudgeKey, requireMergeable } from './planned_request.ts'
import { type Received, receiveArrived } from './received.ts'
import type { Client, Routing, ServerParts } from './server_types.ts'
import { readName } from './wire_name.ts'

/** A path of a model's API: its own behind the base URL, and whether a policy may choose who answers. */
export interface ModelPath {
  readonly path: string
  readonly isRouted: boolean
}

/** What is known of a request before it is looked at. */
export interface Arrival {
  readonly parts: ServerParts
  readonly client: Client
  readonly id: string
  readonly started: number
  /** Its body, where that did not come at once. */
  readonly received?: Received | undefined
}

/** Answers a request for a model: reads it, decides, sends its bytes on and the answer's bytes back. Throws ApiFailure and others before an answer has begun. */
export async function complete(
  { path, isRouted }: ModelPath,
  request: IncomingMessage,
  response: ServerResponse,
  { parts, client, id, started, received }: Arrival,
): Promise<void> {
  const { sticky } = parts
  const routing = parts.routing()
  const { bytes, body, model: spans } = received ?? receiveArrived(request, parts.mostBytes)
  const target = readName(body.model, namesOf(routing))
  const asked = printable(String(body.model))
  if (!isRouted && target.kind !== 'model') {
    const able = requireCallable(routing, path).map(({ id }) => printable(id))
    throw invalidRequest(
      `model: expected a configured model, since /v1${path} is not routed, got "${asked}". Name one: ${able.join(', ')}.`,
      'model',
    )
  }
  // Nothing else is streamed, whatever is asked.
  const isStream = isRouted && readStream(body)
  const conversation = readConversation(body)
  const key = conversationKey(asked, conversation, client.name, body)
  const continued = path === '/responses' ? continuedKey(body) : undefined
  const deciding = { routing, path, key, continued, sticky, id, onShadow: parts.onShadow }
  const decided = await decide(target, conversation, body, deciding)
  const { request: seen, decision } = decided
  const exchange = { id, client, path: `/v1${path}`, asked, started, request: seen, decision }
  const isPlanned = decision.plan !== 'single'
  if (isPlanned) {
    requireMergeable(decision, path, body)
    requireJudgeKey(decision, routing.pool)
  }
  const release =
    client.dailyBudget === undefined
      ? undefined
      : await parts.admission.reserve(client, expectedCost(decided, body, isRouted, routing.pool.statistics))
  try {
    if (isPlanned) {
      const { headers } = request
      const planned = { parts, routing, exchange, bytes, body: body as ChatBody, headers, onAnswer: keepModel }
      return await answerPlanned(response, planned)
    }
    await passOn(response, {
      parts,
      routing,
      exchange,
      request: {
        models: decided.models,
        path,
        bodyFor: model => replaceSpans(bytes, spans, quotedName(model)),
        headers: ownHeaders(request.headers, client),
        isStream,
        skipsCache: keepsState(path, body),
      },
      isBackground: path === '/responses' && body.background === true,
      onAnswer: ({ id }) => keepModel(id),
      ...(path === '/responses' ? { onResponse: (model, id) => keepResponse(model, responseKey(id)) } : {}),
    })
  } finally {
    release?.()
  }

  function keepModel(model: string): void {
    if (key !== undefined && routing.isSticky && target.kind !== 'model') sticky.keep(key, model)
  }

  function keepResponse(model: Model, response: string | undefined): void {
    if (response === undefined) return
    sticky.keep(response, model.id)
    if (continued !== undefined) sticky.keep(continued, model.id)
  }
}

/** @throws ApiFailure (400) for what some endpoints would take for `true`, and others refuse. */
function readStream({ stream }: Received['body']): boolean {
  if (stream === undefined || stream === null || typeof stream === 'boolean') return stream === true
  throw invalidRequest(
    `stream: expected true or false, got ${kindOf(stream)}. Leave it out, or send one of them without quotes.`,
    'stream',
    'invalid_type',
  )
}

/** As its endpoint is to be told, in JSON. */
function quotedName(model: Model): Uint8Array {
  let name = quotedNames.get(model)
  if (!name) {
    name = Buffer.from(JSON.stringify(model.endpoint?.name ?? model.id))
    quotedNames.set(model, name)
  }
  return name
}

const quotedNames = new WeakMap<Model, Uint8Array>()

/** The names that a request's `model` may have. */
export function namesOf({ pool, strategies, withoutPair }: Routing) {
  return { models: pool.models.map(({ id }) => id), strategies, withoutPair }
}
