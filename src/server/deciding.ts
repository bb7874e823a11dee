import { createHash } from 'node:crypto'
import { printable } from '../registry.ts'
import { eligible } from '../routing/constraints.ts'
import { needsCount, smallestWindow, withCounts } from '../routing/counted_requests.ts'
import { needsOf } from '../routing/needs.ts'
import type { Decision, Model, RouteRequest } from '../types.ts'
import { keyOf } from '../upstream/destination.ts'
import { type Conversation, isContinued, nameIn, scoredText, userOf } from './conversation.ts'
import { ApiFailure, invalidRequest } from './envelope.ts'
import { type Routing, type ServerParts, speaks } from './server_types.ts'
import type { StickyModels } from './sticky.ts'
import type { Target } from './wire_name.ts'

/** What was decided for a request. */
export interface Decided {
  readonly request: RouteRequest
  readonly decision: Decision
  /** In order: the chosen, then those that may take over. */
  readonly models: readonly Model[]
}

/** What a decision is made from beside the request. */
export interface DecidingParts {
  readonly routing: Routing
  readonly path: string
  /** Of the conversation. */
  readonly key: string | undefined
  /** Of the response or conversation that it continues by its id. */
  readonly continued: string | undefined
  readonly sticky: StickyModels
  /** Of the request, for what the shadow policy says. */
  readonly id: string
  readonly onShadow: ServerParts['onShadow']
}

/** Who answers: the model that was named, the one that the conversation has, or what the policy picks. Throws ApiFailure, UsageError. */
export async function decide(
  target: Target,
  conversation: Conversation,
  body: Readonly<Record<string, unknown>>,
  parts: DecidingParts,
): Promise<Decided> {
  const { routing, path, key, continued, sticky } = parts
  const { pool } = routing
  if (target.kind === 'model') {
    const request = requestOf(conversation, body, routing, key)
    const model = pool.models.find(({ id }) => id === target.model)!
    if (!hasKey(model)) throw unkeyed(model)
    if (speaks(model, path)) return { request, decision: straight(model.id, 'model'), models: [model] }
    throw invalidRequest(
      `model: expected one that speaks the form of /v1${path}, got ${printable(model.id)}. ${formAdvice(path)}`,
      'model',
    )
  }
  const able = requireCallable(routing, path)
  const uncounted = requestOf(conversation, body, routing, key, able)
  const holder = continued === undefined ? undefined : sticky.modelOf(continued)
  const own = holder === undefined ? undefined : able.find(({ id }) => id === holder)
  // Nobody else knows what was said: no other model can take over.
  if (own) return { request: uncounted, decision: straight(own.id, 'sticky'), models: [own] }
  const window = smallestWindow(able)
  const request = needsCount(uncounted, window) ? (await withCounts([uncounted], window))[0]! : uncounted
  const { candidates } = eligible(request, pool)
  const kept = key !== undefined && routing.isSticky && isContinued(conversation) ? sticky.modelOf(key) : undefined
  const same = candidates.find(({ id }) => id === kept)
  if (same && !pool.statistics?.of(same.id).isOpen) {
    const models = [same, ...fallbacksOf(routing, candidates, [same])]
    return { request, decision: straight(same.id, 'sticky'), models }
  }
  const decision = await routing.decide(target, request, true)
  if ('refused' in decision) throw invalidRequest(decision.refused, undefined, 'no_model_can_serve')
  routing.shadow?.(request).then(
    other => parts.onShadow?.(parts.id, decision, other),
    () => {},
  )
  const chosen = decision.models.map(id => pool.models.find(model => model.id === id)!)
  return { request, decision, models: [...chosen, ...fallbacksOf(routing, candidates, chosen)] }
}

/** A request as policies see it, to be served by one of the candidates; its key, which logs keep, is no name of anybody. */
export function requestOf(
  conversation: Conversation,
  body: Readonly<Record<string, unknown>>,
  { scoresConversation }: Routing,
  key: string | undefined,
  candidates?: readonly Model[],
): RouteRequest {
  const { metadata } = body
  const own = userOf(body)
  const named = nameIn(body.prompt_cache_key) ?? own
  const shared = named === undefined ? key : hashed(named)
  const request: { -readonly [K in keyof RouteRequest]: RouteRequest[K] } = {
    prompt: scoredText(conversation, scoresConversation),
    turns: conversation.turns,
    needs: needsOf(body),
  }
  // One by one: copies of objects are slow, and this is made for every request.
  if (candidates) request.candidates = candidates
  if (shared !== undefined) request.key = shared
  if (own !== undefined) request.user = own
  if (typeof metadata === 'object' && metadata !== null) request.metadata = metadata as Record<string, unknown>
  return request
}

/** The first 32 hexadecimal digits of the SHA-256, as a log has them of prompts: whoever knows the user finds the lines. */
function hashed(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 32)
}

/** The models that can be asked at a path: those that speak its form and have a key. */
export function callable({ pool }: Routing, path: string): readonly Model[] {
  return pool.models.filter(model => speaks(model, path) && hasKey(model))
}

/** The same, of which there is one at least. Throws ApiFailure (404, 503). */
export function requireCallable(routing: Routing, path: string): readonly Model[] {
  const able = callable(routing, path)
  if (able.length > 0) return able
  const speakers = routing.pool.models.filter(model => speaks(model, path))
  if (speakers.length > 0) throw unkeyed(...speakers)
  throw new ApiFailure({
    status: 404,
    type: 'invalid_request_error',
    code: 'model_not_found',
    message: `No configured model speaks the form of /v1${path}. ${formAdvice(path)}`,
  })
}

/** What to do about a form that no model speaks. */
function formAdvice(path: string): string {
  return path === '/messages'
    ? "Anthropic's form is for models with api: anthropic in llmroute.yaml; others are asked at /v1/chat/completions."
    : "OpenAI's form is for models without api: anthropic in llmroute.yaml; the others are asked at /v1/messages."
}

/** Whether the variable that its key is to be in holds one that can be sent. */
export function hasKey(model: Model): boolean {
  if (model.endpoint?.keyVariable === undefined) return true
  try {
    return keyOf(model) !== undefined
  } catch {
    return false
  }
}

/** What is said of models that have none: the variable is nobody's business. */
export function unkeyed(...models: readonly Model[]): ApiFailure {
  const names = models.map(({ id }) => printable(id)).join(', ')
  const message =
    models.length === 1
      ? `The model ${names} cannot be called: this server has no key for it.`
      : `None of the models ${names} can be called: this server has no key for any of them.`
  return new ApiFailure({ status: 503, type: 'server_error', code: 'model_without_key', message })
}

/** Who takes over where the chosen models fail. */
function fallbacksOf({ fallback }: Routing, candidates: readonly Model[], chosen: readonly Model[]): readonly Model[] {
  const others = fallback?.flatMap(id => candidates.find(model => model.id === id) ?? []) ?? candidates
  return others.filter(model => !chosen.includes(model))
}

function straight(model: string, policy: 'model' | 'sticky'): Decision {
  return { model, models: [model], plan: 'single', policy }
}
