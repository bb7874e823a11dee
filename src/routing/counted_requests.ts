import { inputTokensAtMost, withInputTokens } from '../policies/input_tokens.ts'
import type { Model, RouteRequest } from '../types.ts'

/** Tokens of the smallest known context window; Infinity where none is known. */
export function smallestWindow(models: readonly Model[]): number {
  let smallest = Number.POSITIVE_INFINITY
  for (const { contextWindow } of models) {
    if (contextWindow !== undefined && contextWindow < smallest) smallest = contextWindow
  }
  return smallest
}

/** Whether a request's tokens matter: where it has a price cap, or a bound by its text's bytes does not show that it fits the window. */
export function needsCount(request: RouteRequest, window: number): boolean {
  const { needs } = request
  if (needs?.inputTokens !== undefined) return false
  if (needs?.maxCost !== undefined) return true
  const room = window - (needs?.outputTokens ?? 1)
  return room < Number.POSITIVE_INFINITY && inputTokensAtMost(request) > room
}

/** The requests, in order, those whose tokens matter with a count of them. */
export async function withCounts(requests: readonly RouteRequest[], window: number): Promise<readonly RouteRequest[]> {
  const isCounted = requests.map(request => needsCount(request, window))
  const needs = await withInputTokens(requests.filter((_, i) => isCounted[i]))
  let next = 0
  return requests.map((request, i) => (isCounted[i] ? { ...request, needs: needs[next++]! } : request))
}
