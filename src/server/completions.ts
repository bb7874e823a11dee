import type { IncomingMessage, ServerResponse } from 'node:http'
import { printable } from '../registry.ts'
import { eligible } from '../routing/constraints.ts'
import { needsOf } from '../routing/needs.ts'
import type { Decision, Model, Pool, RouteRequest } from '../types.ts'
import { type Conversation, conversationKey, readConversation, scoredText } from './conversation.ts'
import { ApiFailure, invalidRequest } from './envelope.ts'
import { replaceSpans } from './json_span.ts'
import { passOn } from './pass_on.ts'
import { receive } from './received.ts'
import { type Client, type Routing, type ServerParts, speaks } from './server_types.ts'
import type { StickyModels } from './sticky.ts'
import { readName, type Target } from './wire_name.ts'

/** A path of a model's API: its own behind the base URL, and whether a policy may choose who answers. */
export interface ModelPath {
  readonly path: string
  readonly isRouted: boolean
}

/** What a decision says of the request that is being answered; the record grows while it is. */
export interface Decided {
  readonly decision: Decision
  /** In order: the chosen, then those that may take over. */
  readonly models: readonly Model[]
}

/** Answers a request for a model: reads it, decides, sends its bytes on and the answer's bytes back. Throws ApiFailure and others before an answer has begun. */
export async function complete(
  { path, isRouted }: ModelPath,
  request: IncomingMessage,
  response: ServerResponse,
  {
    parts,
    client,
    id,
    started,
    sticky,
  }: { parts: ServerParts; client: Client; id: string; started: number; sticky: StickyModels },
): Promise<void> {
  const routing = parts.routing()
  const { bytes, body, model: spans } = await receive(request, parts.mostBytes)
  const target = readName(body.model, namesOf(routing))
  if (!isRouted && target.kind !== 'model') {
    throw invalidRequest(
      `model: expected a configured model, got "${printable(String(body.model))}": ${path} is not routed.`,
      'model',
    )
  }
  const conversation = readConversation(body)
  const asked = printable(String(body.model))
  const key = conversationKey(asked, conversation, client.name)
  const { decision, models } = await decide(target, conversation, body, {
    routing,
    path,
    key,
    sticky,
    id,
    onShadow: parts.onShadow,
  })
  await passOn(response, {
    parts,
    routing,
    exchange: { id, client, path, asked, started, prompt: conversation.prompt, decision },
    inputCharacters: conversation.turns.reduce((sum, { text }) => sum + text.length, 0),
    request: {
      models,
      path,
      bodyFor: model => replaceSpans(bytes, spans, JSON.stringify(model.endpoint?.name ?? model.id)),
      headers: request.headers,
      isStream: body.stream === true,
    },
    onAnswer: model => {
      if (key !== undefined && routing.isSticky && target.kind !== 'model') sticky.keep(key, model.id)
    },
  })
}

/** The names that a request's `model` may have. */
export function namesOf({ pool, strategies }: Routing) {
  return { models: pool.models.map(({ id }) => id), strategies }
}

interface DecideParts {
  readonly routing: Routing
  readonly path: string
  readonly key: string | undefined
  readonly sticky: StickyModels
  readonly id: string
  readonly onShadow: ServerParts['onShadow']
}

async function decide(
  target: Target,
  conversation: Conversation,
  body: Readonly<Record<string, unknown>>,
  { routing, path, key, sticky, id, onShadow }: DecideParts,
): Promise<Decided> {
  const { pool } = routing
  if (target.kind === 'model') {
    const model = pool.models.find(({ id }) => id === target.model)!
    if (speaks(model, path)) return { decision: straight(model.id, 'model'), models: [model] }
    throw invalidRequest(`model: ${printable(model.id)} does not speak the form of ${path}.`, 'model')
  }
  const request = requestOf(conversation, body, routing, path, key)
  const { candidates } = eligible(request, pool)
  const kept = key !== undefined && routing.isSticky && isContinued(conversation) ? sticky.modelOf(key) : undefined
  const same = candidates.find(({ id }) => id === kept)
  if (same && !pool.statistics?.of(same.id).isOpen) {
    return { decision: straight(same.id, 'sticky'), models: [same, ...fallbacksOf(routing, candidates, [same])] }
  }
  const decision = await routing.decide(target, request)
  if ('refused' in decision) throw invalidRequest(decision.refused, undefined, 'no_model_can_serve')
  routing.shadow?.(request).then(
    other => onShadow?.(id, decision, other),
    () => {},
  )
  const chosen = decision.models.map(id => modelOf(pool, id))
  return { decision, models: [...chosen, ...fallbacksOf(routing, candidates, chosen)] }
}

function requestOf(
  conversation: Conversation,
  body: Readonly<Record<string, unknown>>,
  { pool, scoresConversation }: Routing,
  path: string,
  key: string | undefined,
): RouteRequest {
  const { user, metadata, prompt_cache_key: cacheKey } = body
  const candidates = pool.models.filter(model => speaks(model, path))
  if (candidates.length === 0) {
    throw new ApiFailure({
      status: 404,
      type: 'invalid_request_error',
      code: 'model_not_found',
      message: `No configured model speaks the form of ${path}.`,
    })
  }
  const own = typeof user === 'string' && user !== '' ? user : undefined
  const shared = typeof cacheKey === 'string' && cacheKey !== '' ? cacheKey : (own ?? key)
  return {
    prompt: scoredText(conversation, scoresConversation),
    turns: conversation.turns,
    ...(shared === undefined ? {} : { key: shared }),
    ...(own === undefined ? {} : { user: own }),
    ...(typeof metadata === 'object' && metadata !== null ? { metadata: metadata as Record<string, unknown> } : {}),
    needs: needsOf(body),
    candidates,
  }
}

/** Who takes over where the chosen models fail. */
function fallbacksOf({ fallback }: Routing, candidates: readonly Model[], chosen: readonly Model[]): readonly Model[] {
  const others = fallback?.flatMap(id => candidates.find(model => model.id === id) ?? []) ?? candidates
  return others.filter(model => !chosen.includes(model))
}

/** Whether the model has said something before. */
function isContinued({ turns }: Conversation): boolean {
  return turns.some(({ role }) => role === 'assistant')
}

function straight(model: string, policy: 'model' | 'sticky'): Decision {
  return { model, models: [model], plan: 'single', policy }
}

function modelOf({ models }: Pool, id: string): Model {
  return models.find(model => model.id === id)!
}
