import { expect, test } from 'vitest'
import { shareInterval } from '../../src/math/binomial.ts'
import { eachResample, interval } from '../../src/math/bootstrap.ts'

test.each([
  [3, 10],
  [30, 100],
  [700, 1000],
])('%i of %i: as drawing rows a few thousand times', (successes, trials) => {
  const shares: number[] = []
  eachResample(trials, { resamples: 20_000, seed: 1 }, counts => {
    shares.push(counts.subarray(0, successes).reduce((sum, count) => sum + count, 0) / trials)
  })
  const drawn = interval(Float64Array.from(shares))
  const { low, high } = shareInterval(successes, trials)
  expect(Math.abs(low - drawn.low!)).toBeLessThanOrEqual(1.01 / trials)
  expect(Math.abs(high - drawn.high!)).toBeLessThanOrEqual(1.01 / trials)
})

test('a share of none or all has no spread; no trials have no share', () => {
  expect(shareInterval(0, 5)).toEqual({ low: 0, high: 0 })
  expect(shareInterval(5, 5)).toEqual({ low: 1, high: 1 })
  expect(shareInterval(0, 0)).toEqual({ low: Number.NaN, high: Number.NaN })
})

test('millions of trials stay exact: the normal interval', () => {
  const { low, high } = shareInterval(1_200_000, 4_000_000)
  const half = 1.959964 * Math.sqrt((0.3 * 0.7) / 4_000_000)
  expect(low).toBeCloseTo(0.3 - half, 6)
  expect(high).toBeCloseTo(0.3 + half, 6)
})
