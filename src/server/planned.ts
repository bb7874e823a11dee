import type { ServerResponse } from 'node:http'
import { countSent } from '../upstream/call_failure.ts'
import type { PlanAnswer } from '../upstream/plan_types.ts'
import type { ChatBody } from '../upstream/upstream_types.ts'
import { apiErrorOf } from './envelope.ts'
import { answerError } from './error_answer.ts'
import { goneSignal } from './gone.ts'
import { type Begun, tellDecision } from './pass_on.ts'
import type { Exchange, Routing, ServerParts } from './server_types.ts'

/** A request that several models answer together, or in turn. */
export interface PlannedExchange {
  readonly parts: ServerParts
  readonly routing: Routing
  readonly exchange: Begun
  readonly body: ChatBody
  readonly isStream: boolean
}

/**
 * Carries out a plan of several models. The answer is put together here: the merged text in the body of the model that it comes
 * from, with the tokens of all calls. Where a stream was asked for, it comes in one piece, once it is there.
 */
export async function answerPlanned(
  response: ServerResponse,
  { parts, routing, exchange, body, isStream }: PlannedExchange,
): Promise<void> {
  const signal = goneSignal(response)
  const { stream: _, stream_options: __, model: ___, ...asked } = body
  const report = (outcome: Pick<Exchange, 'status' | 'ending' | 'attempts' | 'isCached'> & Partial<Exchange>) =>
    parts.onExchange({ ...exchange, ...outcome, isStream, latency: parts.now() - exchange.started })
  let answer: PlanAnswer
  try {
    const { decision, request } = exchange
    answer = await routing.carryOut({
      decision: decision!,
      body: asked,
      prompt: request.prompt,
      signal,
    })
  } catch (error) {
    const failure = apiErrorOf(error, parts.now())
    const ending = signal.aborted ? ('abandoned' as const) : ('failed' as const)
    report({ status: failure.status, error: failure, ending, attempts: [], isCached: false })
    return answerError(response, failure, exchange.id)
  }
  const { model, attempts, isCached, usage, cost } = answer
  const headers = ['content-type', isStream ? 'text/event-stream' : 'application/json']
  tellDecision(headers, exchange, model, countSent(attempts), isCached)
  response.writeHead(200, headers)
  response.end(isStream ? eventsOf(answer) : JSON.stringify(bodyOf(answer)))
  report({ status: 200, model, ending: 'whole', attempts, isCached, usage, cost })
}

function bodyOf({ body, text, usage }: PlanAnswer): Record<string, unknown> {
  const own = body as { readonly choices?: readonly { readonly message?: object }[] }
  const [choice = {}] = own.choices ?? []
  return {
    ...own,
    choices: [
      { finish_reason: 'stop', ...choice, index: 0, message: { role: 'assistant', ...choice.message, content: text } },
    ],
    usage: {
      prompt_tokens: usage.inputTokens,
      completion_tokens: usage.outputTokens,
      total_tokens: usage.inputTokens + usage.outputTokens,
    },
  }
}

function eventsOf(answer: PlanAnswer): string {
  const { id, created, model } = bodyOf(answer)
  const event = (delta: object, finish: string | null) =>
    `data: ${JSON.stringify({ id, object: 'chat.completion.chunk', created, model, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
  return `${event({ role: 'assistant', content: answer.text }, null)}${event({}, 'stop')}data: [DONE]\n\n`
}
