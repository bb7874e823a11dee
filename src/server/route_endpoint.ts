import type { IncomingMessage, ServerResponse } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { kindOf } from '../registry.ts'
import type { Refusal } from '../routing/pool_router.ts'
import type { Decision } from '../types.ts'
import { type Arrival, namesOf } from './completions.ts'
import { conversationKey, readConversation } from './conversation.ts'
import { callable, requestOf } from './deciding.ts'
import { ApiFailure, apiErrorOf, invalidRequest } from './envelope.ts'
import { abortedEnding, goneSignal } from './gone.ts'
import { type Received, receiveArrived } from './received.ts'
import type { Client, Routing } from './server_types.ts'
import { AUTO, readName } from './wire_name.ts'

const MOST_REQUESTS = 1000
/** Milliseconds for which a batch may hold the event loop. */
const TURN = 5

/**
 * The decision alone: of one request (`messages`, `prompt` or `input`), or of many under `requests`. `model` as elsewhere,
 * default `auto`. Many let others in between, and end when the client goes away or the server stops; of one that cannot be decided
 * stands why. Throws ApiFailure.
 */
export async function decideOnly(
  request: IncomingMessage,
  response: ServerResponse,
  { parts, client, received }: Pick<Arrival, 'parts' | 'client' | 'received'>,
): Promise<Decision | { readonly decisions: readonly (Decision | Refusal)[] }> {
  const { body } = received ?? receiveArrived(request, parts.mostBytes)
  const routing = parts.routing()
  if (body.requests === undefined) {
    const decision = await decideOne(body, routing, client)
    if ('refused' in decision) throw invalidRequest(decision.refused, undefined, 'no_model_can_serve')
    return decision
  }
  if (!Array.isArray(body.requests) || body.requests.length > MOST_REQUESTS) {
    const got = Array.isArray(body.requests) ? body.requests.length : kindOf(body.requests)
    throw invalidRequest(
      `requests: expected a list of up to ${MOST_REQUESTS} requests, got ${got}. Send a list, and more than that in parts.`,
      'requests',
    )
  }
  const gone = goneSignal(response)
  const decisions: (Decision | Refusal)[] = []
  let turned = parts.now()
  for (const [i, one] of body.requests.entries()) {
    const own = typeof one === 'string' ? { prompt: one } : one
    if (kindOf(own) !== 'an object') {
      throw invalidRequest(
        `requests[${i}]: expected a text or an object, got ${kindOf(own)}. Write it as { "prompt": "…" } or { "messages": […] }.`,
        'requests',
      )
    }
    decisions.push(await decideOrRefuse({ model: body.model, ...own }))
    if (parts.now() - turned > TURN) {
      await nextTurn()
      turned = parts.now()
    }
    if (gone.aborted) throw new ApiFailure(abortedEnding(gone).error)
  }
  return { decisions }

  /** What is wrong with one is no reason to leave the others undecided. */
  async function decideOrRefuse(one: Received['body']): Promise<Decision | Refusal> {
    try {
      return await decideOne(one, routing, client)
    } catch (thrown) {
      const { status, message } = apiErrorOf(thrown, parts.now())
      if (status >= 500) throw thrown
      return { refused: message }
    }
  }
}

async function decideOne(
  body: Readonly<Record<string, unknown>>,
  routing: Routing,
  client: Client,
): Promise<Decision | Refusal> {
  const name = body.model ?? AUTO
  const target = readName(name, namesOf(routing))
  if (target.kind === 'model') {
    return { model: target.model, models: [target.model], plan: 'single', policy: 'model' }
  }
  const conversation = readConversation(body)
  const key = conversationKey(String(name), conversation, client.name, body)
  const request = requestOf(conversation, body, routing, key)
  let refusal: Refusal | undefined
  // As a chat would be answered; where no model of that form can, in the other.
  for (const path of ['/chat/completions', '/messages']) {
    const candidates = callable(routing, path)
    if (candidates.length === 0) continue
    const decision = await routing.decide(target, { ...request, candidates }, false)
    if (!('refused' in decision)) return decision
    refusal ??= decision
  }
  return refusal ?? routing.decide(target, request, false)
}
