import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { quantile } from '../../src/math/quantile.ts'
import { createStatistics, type StatisticsOptions } from '../../src/routing/statistics.ts'

function atTime(options: Omit<StatisticsOptions, 'now'> = {}) {
  const clock = { time: 1_000 }
  return { clock, statistics: createStatistics({ now: () => clock.time, ...options }) }
}

test('a model that was never called: zero counts, NaN means', () => {
  expect(atTime().statistics.of('a')).toMatchObject({
    inFlight: 0,
    requests: 0,
    errors: 0,
    errorRate: Number.NaN,
    latency: Number.NaN,
    cost: Number.NaN,
    outputTokens: Number.NaN,
    finishedAt: Number.NaN,
    isOpen: false,
  })
  expect(atTime().statistics.of('a').latencyAt(0.5)).toBeNaN()
})

test('what started is in flight until it was answered, failed or was given up; only the first two count', () => {
  const { statistics, clock } = atTime()
  const a = statistics.of('a')
  for (let i = 0; i < 4; i++) statistics.start('a')
  expect(a).toMatchObject({ inFlight: 4, requests: 0 })
  clock.time = 1_500
  statistics.succeed('a', { latency: 20, cost: 0.5, outputTokens: 100 })
  statistics.fail('a')
  statistics.abandon('a')
  expect(a).toMatchObject({
    inFlight: 1,
    requests: 2,
    errors: 1,
    errorRate: 0.5,
    latency: 20,
    cost: 0.5,
    finishedAt: 1_500,
  })
  for (let i = 0; i < 3; i++) statistics.abandon('a')
  expect(a.inFlight).toBe(0)
  expect(statistics.of('b').requests).toBe(0)
})

test('the weighted mean is the plain one of the first ten, then moves by a tenth a request', () => {
  const { statistics } = atTime()
  const latencies = [100, 300, 200, 400, 500, 600, 100, 200, 300, 300]
  for (const latency of latencies) statistics.succeed('a', { latency })
  expect(statistics.of('a').latency).toBeCloseTo(300, 9)
  statistics.succeed('a', { latency: 1_300 })
  expect(statistics.of('a').latency).toBeCloseTo(400, 9)
  for (let i = 0; i < 11; i++) statistics.fail('a')
  expect(statistics.of('a').latency).toBeCloseTo(400, 9)
  expect(statistics.of('a').errorRate).toBeGreaterThan(0.65)
})

test('what is old counts for less: after a long pause one request tells all', () => {
  const { statistics, clock } = atTime({ halfLife: 1_000 })
  for (let i = 0; i < 100; i++) statistics.succeed('a', { latency: 5_000 })
  clock.time += 60_000
  statistics.succeed('a', { latency: 100 })
  expect(statistics.of('a').latency).toBeCloseTo(100, 6)
})

test('answers whose cost or tokens nobody knows leave the means alone', () => {
  const { statistics } = atTime()
  statistics.succeed('a', { latency: 1, cost: 2, outputTokens: 10 })
  statistics.succeed('a', { latency: 1 })
  statistics.succeed('a', { latency: 1, outputTokens: 20 })
  expect(statistics.of('a')).toMatchObject({ cost: 2, outputTokens: 15 })
})

test('the breaker says why it is open, and nothing when it is closed', () => {
  const { statistics } = atTime()
  statistics.setBreaker('a', true, 'insufficient quota')
  expect(statistics.of('a')).toMatchObject({ isOpen: true, openReason: 'insufficient quota' })
  statistics.setBreaker('a', false)
  expect(statistics.of('a').isOpen).toBe(false)
  expect(statistics.of('a')).not.toHaveProperty('openReason')
})

describe('quantiles', () => {
  test('are those of the latest answers, whatever came before', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 20 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (latencies, window, q) => {
          const { statistics } = atTime({ window })
          for (const latency of latencies) statistics.succeed('a', { latency })
          const latest = latencies.slice(-window).sort((a, b) => a - b)
          expect(statistics.of('a').latencyAt(q)).toBe(quantile(latest, q))
        },
      ),
    )
  })
})
