import fc from 'fast-check'
import { expect, test } from 'vitest'
import { create } from '../../src/policies/least_connections.ts'
import { createStatistics } from '../../src/routing/statistics.ts'
import { countsOf, decideAll, modelsOf, poolOf, requestsOf } from '../helpers/policy_parts.ts'

function busy(pool: ReturnType<typeof poolOf>, inFlight: Readonly<Record<string, number>>) {
  const statistics = createStatistics({ now: () => 0 })
  for (const [id, count] of Object.entries(inFlight)) for (let i = 0; i < count; i++) statistics.start(id)
  return { ...pool, statistics }
}

test('takes the model with the fewest in flight for its weight', async () => {
  const pool = poolOf({ a: 1, b: 4, c: 1 })
  expect(await modelsOf(create(), requestsOf(1), busy(pool, { a: 1, b: 3, c: 2 }))).toEqual(['b'])
  expect(await modelsOf(create(), requestsOf(1), busy(pool, { a: 1, b: 5, c: 2 }))).toEqual(['a'])
})

test('one batch spreads what it decides: nobody ends up above its share', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ weight: fc.integer({ min: 1, max: 5 }), started: fc.nat(20) }), {
        minLength: 1,
        maxLength: 6,
      }),
      fc.integer({ min: 1, max: 80 }),
      async (models, count) => {
        const pool = poolOf(Object.fromEntries(models.map(({ weight }, i) => [`m${i}`, weight])))
        const started = Object.fromEntries(models.map((model, i) => [`m${i}`, model.started]))
        const counts = countsOf(await modelsOf(create(), requestsOf(count), busy(pool, started)))
        const loads = models.map(({ weight, started }, i) => ({
          weight,
          total: started + (counts[`m${i}`] ?? 0),
          own: counts[`m${i}`] ?? 0,
        }))
        // Whoever got one was, before the last, no busier than anybody is now.
        for (const { weight, total, own } of loads) {
          if (own > 0)
            for (const other of loads) expect((total - 1) / weight).toBeLessThanOrEqual(other.total / other.weight)
        }
      },
    ),
  )
})

test('with nothing in flight, models take turns by weight, batch or singles', async () => {
  const pool = poolOf({ a: 2, b: 1 })
  const policy = create()
  const singles: string[] = []
  for (const request of requestsOf(6)) singles.push(...(await modelsOf(policy, [request], pool)))
  expect(countsOf(singles)).toEqual({ a: 4, b: 2 })
  expect(countsOf(await modelsOf(create(), requestsOf(6), pool))).toEqual({ a: 4, b: 2 })
})

test('follows what finishes: a slow model gets less, on a simulated clock', async () => {
  const pool = poolOf(['fast', 'slow'])
  let time = 0
  const statistics = createStatistics({ now: () => time })
  const policy = create()
  const running: { model: string; due: number }[] = []
  const chosen: string[] = []
  for (; time < 100_000; time += 50) {
    for (const { model } of running.filter(({ due }) => due <= time)) statistics.succeed(model, { latency: 0 })
    running.splice(0, running.length, ...running.filter(({ due }) => due > time))
    const [model] = (await modelsOf(policy, requestsOf(1), { ...pool, statistics })) as [string]
    statistics.start(model)
    running.push({ model, due: time + (model === 'fast' ? 200 : 1_000) })
    chosen.push(model)
  }
  const { fast = 0, slow = 0 } = countsOf(chosen)
  // As many in flight on each side: five times as fast, five times as many.
  expect(fast / slow).toBeGreaterThan(4)
  expect(fast / slow).toBeLessThan(6)
})

test('says how many were in flight', async () => {
  const pool = busy(poolOf({ a: 2, b: 1, c: 1 }), { a: 4, b: 1, c: 3 })
  const [decision] = await decideAll(create(), requestsOf(1), pool)
  expect(decision).toMatchObject({
    model: 'b',
    reasons: [{ kind: 'statistic', name: 'requests in flight per weight', weight: 1 }],
    alternatives: [
      { model: 'a', score: -2, reason: 'more requests in flight per weight' },
      { model: 'c', score: -3, reason: 'more requests in flight per weight' },
    ],
  })
})
