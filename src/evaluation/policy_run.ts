import { createPoolRouter, isRefusal } from '../routing/pool_router.ts'
import type { Decision, Policy, Pool, PoolStatistics, RouteRequest } from '../types.ts'
import { earn, type PoolTest } from './pool_test.ts'
import { simulateCalls } from './simulated_calls.ts'

/** What one way of routing did on the tested prompts. */
export interface PolicyRun {
  /** Score of the answer, one a row, 0..1; 0 where the request was refused. */
  readonly quality: Float64Array
  /** US dollars of all calls, one a row; absent where costs are not known. */
  readonly costs?: Float64Array
  /** Prompts that each model was called for, by id. */
  readonly calls: ReadonlyMap<string, number>
  /** Prompts that no model was called for. */
  readonly refused: number
  /** Why the first of them got none, as sentences. */
  readonly refusal?: string
  /** How answers were used. */
  readonly plans: ReadonlySet<Decision['plan']>
}

/** What a policy made anew is given of the simulated pool. */
export interface SimulatedParts {
  readonly statistics: PoolStatistics
  now(): number
}

/**
 * Asks a policy about the prompts one by one, in the order of the file, over a pool whose clock, latencies and load are
 * simulated, and takes what its decisions earn from the file.
 * @param open makes the policy anew; its pool gets the simulated statistics.
 * @param requests one a row of the test.
 */
export async function runPolicy(
  open: (parts: SimulatedParts) => Promise<{ readonly policy: Policy; readonly pool: Pool }>,
  requests: readonly RouteRequest[],
  test: PoolTest,
  seed: number,
): Promise<PolicyRun> {
  const calls = simulateCalls(byCost(test), seed)
  const { policy, pool } = await open(calls)
  const router = createPoolRouter(policy, { ...pool, statistics: calls.statistics })
  const quality = new Float64Array(requests.length)
  const costs = new Float64Array(requests.length)
  const counts = new Map(test.models.map(id => [id, 0]))
  const plans = new Set<Decision['plan']>()
  let refused = 0
  let refusal: string | undefined
  for (const [row, request] of requests.entries()) {
    calls.arrive()
    const [decision] = await router.decide([request])
    if (isRefusal(decision!)) {
      refused++
      refusal ??= decision.refused
      continue
    }
    const { score, cost, called } = earn(decision!, row, test)
    quality[row] = score
    costs[row] = cost
    plans.add(decision!.plan)
    for (const model of called) {
      counts.set(model, counts.get(model)! + 1)
      calls.call(model, test.costs?.[row * test.models.length + test.models.indexOf(model)] ?? Number.NaN)
    }
  }
  return {
    ...{ quality, calls: counts, refused, plans },
    ...(test.costs ? { costs } : {}),
    ...(refusal === undefined ? {} : { refusal }),
  }
}

/** All prompts to one model. */
export function runSingle(model: string, test: PoolTest): PolicyRun {
  const m = test.models.indexOf(model)
  const column = (values: Float64Array) =>
    Float64Array.from({ length: test.rows }, (_, row) => values[row * test.models.length + m]!)
  return runOf(test, column, new Map([[model, test.rows]]))
}

/** What sending each prompt to any model alike is expected to give. */
export function runRandom(test: PoolTest): PolicyRun {
  const width = test.models.length
  const means = (values: Float64Array) =>
    Float64Array.from({ length: test.rows }, (_, row) => {
      const own = values.subarray(row * width, (row + 1) * width)
      return own.reduce((sum, value) => sum + value / width, 0)
    })
  return runOf(test, means, new Map(test.models.map(id => [id, test.rows / width])))
}

/** A router that knows the outcomes: of the models with the highest score the cheapest. */
export function runOracle(test: PoolTest): PolicyRun {
  const width = test.models.length
  const chosen = Array.from({ length: test.rows }, (_, row) => {
    let best = 0
    for (let m = 1; m < width; m++) {
      const gain = test.scores[row * width + m]! - test.scores[row * width + best]!
      const saved = (test.costs?.[row * width + best] ?? 0) - (test.costs?.[row * width + m] ?? 0)
      if (gain > 0 || (gain === 0 && saved > 0)) best = m
    }
    return best
  })
  const counts = new Map(test.models.map((id, m) => [id, chosen.filter(other => other === m).length]))
  return runOf(test, values => Float64Array.from(chosen, (m, row) => values[row * width + m]!), counts)
}

function runOf(test: PoolTest, take: (values: Float64Array) => Float64Array, calls: PolicyRun['calls']): PolicyRun {
  return {
    quality: take(test.scores),
    ...(test.costs ? { costs: take(test.costs) } : {}),
    calls,
    refused: 0,
    plans: new Set(['single']),
  }
}

/** Models from the cheapest to the dearest; as they stand where costs are not known. */
function byCost(test: PoolTest): string[] {
  const { costs, models } = test
  if (!costs) return [...models]
  const totals = new Float64Array(models.length)
  for (const [at, cost] of costs.entries()) totals[at % models.length]! += cost
  return models.toSorted((a, b) => totals[models.indexOf(a)]! - totals[models.indexOf(b)]!)
}
