import type { PolicyParts } from '../../src/policies/registry.ts'
import type { Decision, Model, Policy, Pool, RouteRequest } from '../../src/types.ts'

/** Parts for a policy under test; what a test does not hand in is refused when it is asked for. */
export function partsOf(pool: Pool, options?: unknown, more: Partial<PolicyParts> = {}): PolicyParts {
  return {
    options,
    pool,
    seed: 1,
    now: () => 0,
    strategy: () => Promise.reject(new Error('asked for a strategy without having any')),
    policy: id => Promise.reject(new Error(`asked for policy ${id}`)),
    checkpoint: file => Promise.reject(new Error(`asked for ${file}`)),
    classifier: id => Promise.reject(new Error(`asked for classifier ${id}`)),
    ...more,
  }
}

/** A pool of models by id, with a weight each where there are numbers. */
export function poolOf(models: Readonly<Record<string, number>> | readonly string[]): { models: Model[] } {
  if (Array.isArray(models)) return { models: models.map(id => ({ id })) }
  return { models: Object.entries(models).map(([id, weight]) => ({ id, weight })) }
}

/** Requests `r0`, `r1`, … in prompt and key. */
export function requestsOf(count: number, more: Partial<RouteRequest> = {}): RouteRequest[] {
  return Array.from({ length: count }, (_, i) => ({ prompt: `r${i}`, key: `r${i}`, ...more }))
}

/** Decisions of a policy that has an answer for each request. */
export async function decideAll(policy: Policy, requests: readonly RouteRequest[], pool: Pool): Promise<Decision[]> {
  const decisions = await policy.decide(requests, pool)
  if (decisions.includes(undefined)) throw new Error('the policy had no answer for a request')
  return decisions as Decision[]
}

/** The model of each request, in order. */
export async function modelsOf(policy: Policy, requests: readonly RouteRequest[], pool: Pool): Promise<string[]> {
  return (await decideAll(policy, requests, pool)).map(({ model }) => model)
}

/** How often each name occurs. */
export function countsOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
