import { countSent } from '../upstream/call_failure.ts'
import type { Attempt } from '../upstream/upstream_types.ts'
import type { Exchange } from './server_types.ts'

type Told = Pick<Exchange, 'id' | 'decision'>

/** Adds to an answer's headers, names and values in turn, what they say of how it came about. */
export function tellAnswer(
  headers: string[],
  exchange: Told,
  model: string,
  attempts: readonly Attempt[],
  isCached: boolean,
): void {
  headers.push('x-llmroute-request-id', exchange.id)
  headers.push('x-llmroute-model', encoded(model))
  tellDecision(headers, exchange)
  headers.push('x-llmroute-attempts', String(countSent(attempts)))
  headers.push('x-llmroute-cache', isCached ? 'hit' : 'miss')
}

/** The same of an error, but for the request's id: what was decided and tried, and no model, since none answered. */
export function failedHeaders(exchange: Told, attempts: readonly Attempt[]): string[] {
  const headers: string[] = []
  tellDecision(headers, exchange)
  headers.push('x-llmroute-attempts', String(countSent(attempts)))
  return headers
}

function tellDecision(headers: string[], { decision }: Told): void {
  const { strategy, winRate, threshold, policy } = decision!
  headers.push('x-llmroute-policy', policy)
  if (strategy !== undefined) headers.push('x-llmroute-strategy', strategy)
  if (winRate !== undefined) headers.push('x-llmroute-win-rate', String(winRate))
  if (threshold !== undefined) headers.push('x-llmroute-threshold', String(threshold))
}

/** Ids may hold what a header may not. */
function encoded(id: string): string {
  return /^[\x21-\x7e]+$/.test(id) ? id : encodeURIComponent(id)
}
