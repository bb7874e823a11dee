import { expect, test } from 'vitest'
import { createPolicyBenchmark } from '../../src/evaluation/policy_benchmark.ts'
import { type PolicyRun, runOracle, runPolicy, runRandom, runSingle } from '../../src/evaluation/policy_run.ts'
import { earn, type PoolTest } from '../../src/evaluation/pool_test.ts'
import { simulateCalls } from '../../src/evaluation/simulated_calls.ts'
import { createRandom } from '../../src/math/random.ts'
import * as leastConnections from '../../src/policies/least_connections.ts'
import * as roundRobin from '../../src/policies/round_robin.ts'
import type { Decision } from '../../src/types.ts'

const OPTIONS = { resamples: 300, seed: 1 }
const POOL = { models: [{ id: 'cheap' }, { id: 'dear' }] }

/** Half of the prompts are easy for both models; on the others only `dear` has a chance. */
function twoModels(rows: number): { test: PoolTest; isHard: boolean[] } {
  const random = createRandom(3)
  const isHard = Array.from({ length: rows }, () => random() < 0.5)
  const scores = isHard.flatMap(hard => [Number(random() < (hard ? 0.1 : 0.9)), Number(random() < 0.9)])
  const costs = isHard.flatMap(() => [0.001, 0.01])
  return {
    isHard,
    test: { models: ['cheap', 'dear'], rows, scores: Float64Array.from(scores), costs: Float64Array.from(costs) },
  }
}

/** Sends the rows that `isSent` names to `dear`. */
function sent({ scores, costs, rows }: PoolTest, isSent: (row: number) => boolean): PolicyRun {
  const take = (values: Float64Array) =>
    Float64Array.from({ length: rows }, (_, row) => values[2 * row + Number(isSent(row))]!)
  return { quality: take(scores), costs: take(costs!), calls: new Map(), refused: 0, plans: new Set() }
}

test('a policy that knows what is hard is above the straight line between single models; one that does not is not', () => {
  const { test: pool, isHard } = twoModels(600)
  const benchmark = createPolicyBenchmark(pool, OPTIONS)
  const shares = [0, 0.25, 0.5, 0.75, 1]
  const random = createRandom(9)
  const draws = isHard.map(() => random())
  const knowing = shares.map(share => sent(pool, row => draws[row]! * 0.5 + (isHard[row] ? 0 : 0.5) < share))
  const blind = shares.map(share => sent(pool, row => draws[row]! < share))
  const above = benchmark.sweep(shares, knowing)!
  const level = benchmark.sweep(shares, blind)!
  expect(above.isAboveLine).toBe(true)
  expect(above.minusLine.low).toBeGreaterThan(0.05)
  expect(level.isAboveLine).not.toBe(true)
  expect(level.unchosenMinusLine.value).toBeCloseTo(0, 1)
  expect(above.points.map(({ value }) => value)).toEqual(shares)
  const misled = shares.map(share => sent(pool, row => draws[row]! * 0.5 + (isHard[row] ? 0.5 : 0) < share))
  expect(benchmark.sweep(shares, misled)!.unchosenMinusLine.high).toBeLessThan(0)
})

test('single models lie on their own line, and differ from the best by what their means do', () => {
  const { test: pool } = twoModels(400)
  const benchmark = createPolicyBenchmark(pool, OPTIONS)
  const cheap = benchmark.measure('cheap', runSingle('cheap', pool))
  const dear = benchmark.measure('dear', runSingle('dear', pool))
  expect(benchmark.best).toBe('dear')
  expect(benchmark.costRange!.low).toBeCloseTo(1, 9)
  expect(benchmark.costRange!.high).toBeCloseTo(10, 9)
  expect(dear.minusBest).toEqual({ value: 0, low: 0, high: 0 })
  expect(cheap.minusBest.value).toBeCloseTo(cheap.quality.value! - dear.quality.value!, 12)
  expect(cheap.minusBest.low).toBeLessThan(cheap.minusBest.value!)
  expect(cheap.minusLine.value).toBeCloseTo(0, 12)
  expect(cheap.shares).toEqual({ cheap: 1 })
  expect(cheap.quality.low).toBeLessThan(cheap.quality.value!)
  expect(cheap.routerArena.value).toBeGreaterThan(0)
})

test('random is the mean of all models, oracle the best of each row, the cheapest of equals', () => {
  const pool: PoolTest = {
    models: ['a', 'b', 'c'],
    rows: 2,
    scores: Float64Array.of(1, 1, 0, 0, 0.5, 1),
    costs: Float64Array.of(3, 1, 1, 3, 1, 2),
  }
  const random = runRandom(pool)
  expect([...random.quality, ...random.costs!].map(value => Number(value.toFixed(9)))).toEqual([
    0.666666667, 0.5, 1.666666667, 2,
  ])
  const oracle = runOracle(pool)
  expect([[...oracle.quality], [...oracle.costs!]]).toEqual([
    [1, 1],
    [1, 2],
  ])
  expect(Object.fromEntries(oracle.calls)).toEqual({ a: 0, b: 1, c: 1 })
})

test('without costs there is no line, and figures of costs are null', () => {
  const { costs: _, ...pool } = twoModels(50).test
  const benchmark = createPolicyBenchmark(pool, OPTIONS)
  const run = runSingle('dear', pool)
  expect(benchmark.line).toBeUndefined()
  expect(benchmark.sweep([0], [run])).toBeUndefined()
  const { costPer1000, minusLine, routerArena, minusBest } = benchmark.measure('dear', run)
  const none = { value: null, low: null, high: null }
  expect([costPer1000, minusLine, routerArena]).toEqual([none, none, none])
  expect(minusBest.value).toBe(0)
})

test('what decisions of several models earn and cost', () => {
  const pool: PoolTest = {
    models: ['a', 'b', 'c'],
    rows: 1,
    scores: Float64Array.of(0, 1, 1),
    costs: Float64Array.of(1, 2, 4),
  }
  const decide = (rest: Partial<Decision>): Decision => ({
    model: 'a',
    models: ['a', 'b', 'c'],
    plan: 'all',
    policy: 'ensemble',
    ...rest,
  })
  expect(earn(decide({ merge: { by: 'majority' } }), 0, pool)).toEqual({ score: 1, cost: 7, called: ['a', 'b', 'c'] })
  expect(earn(decide({ models: ['a', 'b'], merge: { by: 'majority' } }), 0, pool).score).toBe(0.5)
  expect(earn(decide({ models: ['a', 'b'], merge: { by: 'judge' } }), 0, pool).score).toBe(1)
  expect(earn(decide({ plan: 'single' }), 0, pool)).toEqual({ score: 0, cost: 1, called: ['a'] })
  const accept = { by: 'scorer', threshold: 0.5 } as const
  const cascade = decide({ plan: 'until_accepted', accept })
  expect(earn(cascade, 0, pool)).toEqual({ score: 1, cost: 3, called: ['a', 'b'] })
  const poor = decide({ plan: 'until_accepted', accept: { ...accept, maxCost: 2.5 } })
  expect(earn(poor, 0, pool)).toEqual({ score: 0, cost: 1, called: ['a'] })
})

test('policies are asked in the order of the file, about a pool whose load is simulated', async () => {
  const { test: pool } = twoModels(200)
  const requests = Array.from({ length: 200 }, (_, i) => ({ prompt: String(i) }))
  const turns = await runPolicy(async () => ({ policy: roundRobin.create(), pool: POOL }), requests, pool, 0)
  expect(Object.fromEntries(turns.calls)).toEqual({ cheap: 100, dear: 100 })
  expect([turns.costs![0], turns.costs![1]]).toEqual([0.001, 0.01])
  const open = async () => ({ policy: leastConnections.create(), pool: POOL })
  const load = await runPolicy(open, requests, pool, 0)
  // The dearer model is simulated as the slower one, so it gets fewer.
  expect(load.calls.get('cheap')! / load.calls.get('dear')!).toBeGreaterThan(2)
  expect(await runPolicy(open, requests, pool, 0)).toEqual(load)
})

test('a request without an answer counts as quality and cost 0', async () => {
  const { test: pool } = twoModels(4)
  const policy = { decide: async () => [undefined] }
  const run = await runPolicy(async () => ({ policy, pool: POOL }), Array(4).fill({ prompt: 'x' }), pool, 0)
  expect({ refused: run.refused, quality: [...run.quality], costs: [...run.costs!] }).toEqual({
    refused: 4,
    quality: [0, 0, 0, 0],
    costs: [0, 0, 0, 0],
  })
})

test('the simulated clock goes on by what arrives, and calls end when they are due', () => {
  const calls = simulateCalls(['fast', 'slow'], 1, new Map([['fast', 50]]))
  calls.arrive(1000)
  calls.call('fast', 0.5)
  calls.call('slow', Number.NaN)
  expect([calls.statistics.of('fast').inFlight, calls.statistics.of('slow').inFlight, calls.now()]).toEqual([
    1, 1, 1000,
  ])
  calls.arrive()
  calls.arrive()
  expect(calls.now()).toBe(1200)
  const { inFlight, requests, latency, cost } = calls.statistics.of('fast')
  expect({ inFlight, requests, cost }).toEqual({ inFlight: 0, requests: 1, cost: 0.5 })
  expect(latency).toBeGreaterThan(20)
  expect(latency).toBeLessThan(150)
  expect(calls.statistics.of('slow').inFlight).toBe(1)
})
