import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { eventsOf, includesUsage } from '../upstream/completion_events.ts'
import type { PlanAnswer } from '../upstream/plan_types.ts'
import type { Attempt, ChatBody, Spent } from '../upstream/upstream_types.ts'
import { failedHeaders, tellAnswer } from './decision_headers.ts'
import { apiErrorOf } from './envelope.ts'
import { answerError } from './error_answer.ts'
import { abortedEnding, goneSignal } from './gone.ts'
import { attemptsOf, type Begun } from './pass_on.ts'
import { plannedBody } from './planned_answer.ts'
import { receivedBytes } from './planned_request.ts'
import type { Exchange, Routing, ServerParts } from './server_types.ts'
import { handedOver } from './slow_reader.ts'

/** A request that several models answer together, or in turn. */
export interface PlannedExchange {
  readonly parts: ServerParts
  readonly routing: Routing
  readonly exchange: Begun
  readonly bytes: Uint8Array
  readonly body: ChatBody
  readonly headers: IncomingHttpHeaders
  /** Called with the model that answered, where one of several did alone. */
  onAnswer(model: string): void
}

/**
 * Carries out a plan of several models, each of which gets the received bytes. The answer is put together here; where a stream was
 * asked for, it comes in one piece, once it is there.
 */
export async function answerPlanned(
  response: ServerResponse,
  { parts, routing, exchange, bytes, body, headers: received, onAnswer }: PlannedExchange,
): Promise<void> {
  const signal = goneSignal(response)
  const isStream = body.stream === true
  const spent: Spent[] = []
  const made: Attempt[] = []
  const report = (outcome: Pick<Exchange, 'status' | 'ending' | 'attempts' | 'isCached'> & Partial<Exchange>) =>
    parts.onExchange({ ...exchange, ...outcome, ...paid(spent), isStream, latency: parts.now() - exchange.started })
  let answer: PlanAnswer
  try {
    const { decision, request } = exchange
    answer = await routing.carryOut({
      decision: decision!,
      body,
      received: receivedBytes(bytes, body),
      headers: shared(received),
      prompt: request.prompt,
      signal,
      attempts: made,
      onSpent: each => spent.push(each),
    })
  } catch (thrown) {
    const { ending, error } = signal.aborted
      ? abortedEnding(signal)
      : { ending: 'failed' as const, error: apiErrorOf(thrown, parts.now()) }
    const tried = attemptsOf(thrown, made)
    report({ status: error.status, error, ending, attempts: tried, isCached: false })
    return answerError(response, error, exchange.id, failedHeaders(exchange, tried))
  }
  const { model, attempts, isCached, usage } = answer
  if (exchange.decision!.plan === 'until_accepted') onAnswer(model)
  const headers = ['content-type', isStream ? 'text/event-stream' : 'application/json']
  tellAnswer(headers, exchange, model, attempts, isCached)
  response.writeHead(200, headers)
  const whole = plannedBody(answer)
  response.end(isStream ? eventsOf(whole, includesUsage(body)) : JSON.stringify(whole))
  const firstByte = parts.now() - exchange.started
  const ending = (await handedOver(response)) ? 'whole' : 'abandoned'
  report({ status: 200, model, ending, attempts, isCached, firstByte, usage })
}

/** Whatever became of the plan: what its calls cost, judges and models that were given up included. */
function paid(spent: readonly Spent[]): Pick<Exchange, 'cost' | 'spent'> {
  const costs = spent.flatMap(({ cost }) => cost ?? [])
  return { spent, ...(costs.length === 0 ? {} : { cost: costs.reduce((sum, cost) => sum + cost) }) }
}

/** One idempotency key for several calls would have an endpoint repeat its first answer, and none of them is streamed. */
function shared({ 'idempotency-key': _, accept: __, ...headers }: IncomingHttpHeaders): IncomingHttpHeaders {
  return headers
}
