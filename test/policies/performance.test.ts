import { describe, expect, test } from 'vitest'
import { create } from '../../src/policies/performance.ts'
import { createStatistics } from '../../src/routing/statistics.ts'
import { countsOf, decideAll, modelsOf, partsOf, poolOf, requestsOf } from '../helpers/policy_parts.ts'

interface Measured {
  readonly latencies?: readonly number[]
  readonly errors?: number
  readonly cost?: number
}

/** A pool with a clock that stands at 1,000,000 ms, each model measured as told. */
function measured(models: Readonly<Record<string, Measured>>) {
  const clock = { time: 1_000_000 }
  const statistics = createStatistics({ now: () => clock.time })
  for (const [id, { latencies = [], errors = 0, cost }] of Object.entries(models)) {
    for (const latency of latencies) statistics.succeed(id, { latency, cost })
    for (let i = 0; i < errors; i++) statistics.fail(id)
  }
  const pool = { ...poolOf(Object.keys(models)), statistics }
  const policyOf = (options?: unknown) => create(partsOf(pool, options, { now: () => clock.time }))
  return { clock, statistics, pool, policyOf }
}

describe('what is measured decides', () => {
  const { pool, policyOf } = measured({
    steady: { latencies: [200, 200, 200, 200, 200], cost: 0.003 },
    // Faster on the mean and at the median, not at the 95th percentile.
    jumpy: { latencies: [50, 50, 50, 50, 700], cost: 0.002 },
    // Fastest where it answers, which is every other time.
    flaky: { latencies: [110, 110, 110], errors: 3, cost: 0.001 },
    slow: { latencies: [900, 900], cost: 0.004 },
  })

  test.each([
    [undefined, 'jumpy'],
    [{ by: 'latency', percentile: 50 }, 'jumpy'],
    [{ by: 'latency', percentile: 95 }, 'steady'],
    [{ by: 'errors' }, 'jumpy'],
    [{ by: 'cost' }, 'flaky'],
  ])('%o: %s, always', async (options, best) => {
    expect(countsOf(await modelsOf(policyOf(options), requestsOf(20), pool))).toEqual({ [best]: 20 })
  })

  test('among candidates only, and it says what was compared', async () => {
    const candidates = pool.models.filter(({ id }) => id !== 'jumpy')
    const [decision] = await decideAll(policyOf(), requestsOf(1, { candidates }), pool)
    expect(decision).toMatchObject({
      model: 'steady',
      reasons: [{ kind: 'statistic', name: 'ms to an answer, weighted mean', weight: 200 }],
      alternatives: [
        { model: 'flaky', reason: 'ms to an answer, weighted mean' },
        { model: 'slow', score: -900, reason: 'ms to an answer, weighted mean' },
      ],
    })
    expect(decision!.alternatives![0]!.score).toBeCloseTo(-220, 6)
  })
})

describe('what is not measured is tried', () => {
  test('first, one request at a time, the rest goes to the best that is known', async () => {
    const { pool, policyOf, statistics } = measured({ known: { latencies: [100] }, new1: {}, new2: {} })
    const policy = policyOf()
    expect(await modelsOf(policy, requestsOf(5), pool)).toEqual(['new1', 'new2', 'known', 'known', 'known'])
    statistics.start('new1')
    expect(await modelsOf(policy, requestsOf(2), pool)).toEqual(['new2', 'known'])
    statistics.succeed('new1', { latency: 10 })
    expect(await modelsOf(policy, requestsOf(2), pool)).toEqual(['new2', 'new1'])
  })

  test('while nothing is known, requests spread by weight, and so they do without statistics', async () => {
    const { pool, policyOf } = measured({ a: {}, b: {}, c: {} })
    for (const at of [pool, { models: pool.models }]) {
      expect(countsOf(await modelsOf(policyOf(), requestsOf(9), at))).toEqual({ a: 3, b: 3, c: 3 })
    }
    const [decision] = await decideAll(policyOf(), requestsOf(1), pool)
    expect(decision).toMatchObject({
      reasons: [{ kind: 'statistic', name: 'tried, since nothing recent is known of it', weight: 0 }],
      alternatives: [
        { model: 'b', reason: 'nothing measured' },
        { model: 'c', reason: 'nothing measured' },
      ],
    })
  })

  test('again after stale_after seconds without a result', async () => {
    const { pool, policyOf, statistics, clock } = measured({ good: { latencies: [100] }, bad: { latencies: [5_000] } })
    const policy = policyOf({ stale_after: 60 })
    clock.time += 59_000
    statistics.succeed('good', { latency: 100 })
    expect(await modelsOf(policy, requestsOf(2), pool)).toEqual(['good', 'good'])
    clock.time += 2_000
    expect(await modelsOf(policy, requestsOf(2), pool)).toEqual(['bad', 'good'])
    statistics.succeed('bad', { latency: 5_000 })
    expect(await modelsOf(policy, requestsOf(2), pool)).toEqual(['good', 'good'])
  })

  test('a model that only ever failed, or whose price is not known, comes after those that have a figure', async () => {
    const { pool, policyOf } = measured({
      dead: { errors: 5 },
      free: { latencies: [9] },
      known: { latencies: [400], cost: 1 },
    })
    expect(await modelsOf(policyOf(), requestsOf(2), pool)).toEqual(['free', 'free'])
    expect(await modelsOf(policyOf({ by: 'cost' }), requestsOf(2), pool)).toEqual(['known', 'known'])
    const dead = { ...pool, models: pool.models.slice(0, 1) }
    expect(await modelsOf(policyOf(), requestsOf(2), dead)).toEqual(['dead', 'dead'])
  })
})

test('a shift is followed within a few requests, on a simulated clock', async () => {
  const { pool, policyOf, statistics, clock } = measured({ a: { latencies: [100] }, b: { latencies: [200] } })
  const policy = policyOf()
  const chosen: string[] = []
  for (let i = 0; i < 100; i++) {
    const [model] = (await modelsOf(policy, requestsOf(1), pool)) as [string]
    chosen.push(model)
    statistics.start(model)
    const latency = model === 'b' ? 200 : i < 50 ? 100 : 800
    clock.time += latency
    statistics.succeed(model, { latency })
  }
  expect(countsOf(chosen.slice(0, 50))).toEqual({ a: 50 })
  expect(chosen.slice(60)).toEqual(new Array(40).fill('b'))
})

test('options that do not fit are refused', () => {
  const { policyOf } = measured({ a: {} })
  expect(() => policyOf({ by: 'speed' })).toThrow(
    'policy performance: by: expected ("latency" | "errors" | "cost"), got "speed".',
  )
  expect(() => policyOf({ percentile: 101 })).toThrow('policy performance: percentile: expected <=100, got 101.')
})
