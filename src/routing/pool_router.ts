import { UsageError } from '../errors.ts'
import type { Decision, Model, Policy, Pool, RouteRequest } from '../types.ts'
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
      return filtered.map(({ request, refused, refusal }, i) => {
        if (refusal) return refusal
        const decision = decisions[next++]
        if (decision?.plan === 'single') return withRefused(decision, refused, request)
        // Of several models each that is missing counts, and so does each that could have been the answer.
        const missing = [...refused, ...leftOut(counted[i]!, pool)]
        return decision ? withRefused(decision, missing, request) : unanswered(policy, request, missing)
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
    return { request, refused: able.refused, refusal: { refused: noModel(able.refused) } }
  }
  const up = healthy(able.candidates, pool)
  if (able.refused.length + up.refused.length === 0) return { request, refused: NONE }
  return { request: { ...request, candidates: up.candidates }, refused: [...able.refused, ...up.refused] }
}

function noModel(refused: readonly RefusedModel[]): string {
  const detail = refused.length > 0 ? phraseOf(refused) : 'the pool has none'
  return `no model can serve this request: ${detail}. Ask for less, or add a model that can to models in llmroute.yaml.`
}

/** Models of the pool that are not among the candidates that a request came with. */
function leftOut({ candidates }: RouteRequest, { models }: Pool): readonly RefusedModel[] {
  if (!candidates) return NONE
  return models
    .filter(({ id }) => candidates.every(model => model.id !== id))
    .map(model => {
      const isOfOtherForm = candidates.length > 0 && formOf(model) !== formOf(candidates[0]!)
      const reason = isOfOtherForm
        ? `speaks ${FORMS[formOf(model)]} form, this request another`
        : 'not among the candidates of this request'
      return { model: model.id, reason }
    })
}

const formOf = ({ endpoint }: Model) => endpoint?.api ?? 'openai'
const FORMS = { openai: "OpenAI's", anthropic: "Anthropic's" } as const

function unanswered(policy: Policy, request: RouteRequest, missing: readonly RefusedModel[]): Refusal {
  const told =
    policy.noAnswer?.(request) ??
    'the policy has no answer for this request. Put it in a chain (policy: chain), with threshold after it.'
  return { refused: missing.length === 0 ? told : `${told} Left out: ${phraseOf(missing)}.` }
}

function phraseOf(refused: readonly RefusedModel[]): string {
  return refused.map(({ model, reason }) => `${model}: ${reason}`).join('; ')
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
