import { UsageError } from '../errors.ts'
import type { Decision, Policy, Pool, RouteRequest } from '../types.ts'
import { eligible, healthy, type RefusedModel } from './constraints.ts'
import { needsCount, smallestWindow, withCounts } from './counted_requests.ts'

/** A request that no model can serve, or that the policy has no answer for: why and what to do, as sentences. */
export interface Refusal {
  readonly refused: string
}

/** A policy over a pool, with hard constraints and health applied before it. */
export interface PoolRouter {
  readonly pool: Pool
  /** One decision or refusal per request, in order. */
  decide(requests: readonly RouteRequest[]): Promise<(Decision | Refusal)[]>
}

/**
 * Builds a router. Of each request's candidates (all of the pool where it names none) the policy sees those that can serve it,
 * and of these the ones without an open breaker where there are any. Tokens are counted only where a bound by the text's bytes
 * does not show that it fits every context window.
 */
export function createPoolRouter(policy: Policy, pool: Pool): PoolRouter {
  const window = smallestWindow(pool.models)
  return {
    pool,
    async decide(requests) {
      const isCounted = requests.some(request => needsCount(request, window))
      const counted = isCounted ? await withCounts(requests, window) : requests
      const filtered = counted.map(request => filter(request, pool))
      const open = filtered.filter(({ refusal }) => refusal === undefined)
      const decisions = await policy.decide(
        open.map(({ request }) => request),
        pool,
      )
      let next = 0
      return filtered.map(({ request, refused, refusal }) => {
        if (refusal) return refusal
        const decision = decisions[next++]
        return decision ? withRefused(decision, refused, request) : unanswered(policy, request)
      })
    },
  }
}

/** Whether a request was refused. */
export function isRefusal(result: Decision | Refusal): result is Refusal {
  return 'refused' in result
}

/**
 * The decision, where it is one.
 * @throws UsageError with what a refusal says
 */
export function requireDecision(result: Decision | Refusal): Decision {
  if (isRefusal(result)) throw new UsageError(result.refused)
  return result
}

interface Filtered {
  readonly request: RouteRequest
  readonly refused: readonly RefusedModel[]
  readonly refusal?: Refusal
}

const NONE: readonly RefusedModel[] = []

function filter(request: RouteRequest, pool: Pool): Filtered {
  const able = eligible(request, pool)
  if (able.candidates.length === 0) {
    const reasons = able.refused.map(({ model, reason }) => `${model}: ${reason}`)
    return { request, refused: able.refused, refusal: { refused: noModel(reasons) } }
  }
  const up = healthy(able.candidates, pool)
  if (able.refused.length + up.refused.length === 0) return { request, refused: NONE }
  return { request: { ...request, candidates: up.candidates }, refused: [...able.refused, ...up.refused] }
}

function noModel(reasons: readonly string[]): string {
  const detail = reasons.length > 0 ? reasons.join('; ') : 'the pool has none'
  return `no model can serve this request: ${detail}. Ask for less, or add a model that can to models in llmroute.yaml.`
}

function unanswered(policy: Policy, request: RouteRequest): Refusal {
  return {
    refused:
      policy.noAnswer?.(request) ??
      'the policy has no answer for this request. Put it in a chain (policy: chain), with threshold after it.',
  }
}

function withRefused(decision: Decision, refused: readonly RefusedModel[], { candidates }: RouteRequest): Decision {
  if (refused.length === 0) return decision
  const constraint = { kind: 'constraint', name: 'the only model that can serve this request', weight: 1 } as const
  return {
    ...decision,
    reasons: candidates?.length === 1 ? [...(decision.reasons ?? []), constraint] : (decision.reasons ?? []),
    alternatives: [
      ...(decision.alternatives ?? []).filter(({ model }) => refused.every(other => other.model !== model)),
      ...refused,
    ],
  }
}
