import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  spendingAt,
  storedQuantiles,
  storedSpendingAt,
  thresholdFor,
  thresholdForShare,
} from '../../src/routing/calibration.ts'

const winRates = Float64Array.of(0.1, 0.9, 0.5, 0.3, 0.7)
const scores = { strong: Float64Array.of(1, 1, 1, 1, 0), weak: Float64Array.of(1, 0, 0, 1, 1) }
const costs = {
  strong: Float64Array.of(0.01, 0.01, 0.01, 0.01, 0.01),
  weak: Float64Array.of(0.001, 0.001, 0.001, 0.001, 0.001),
}

test('the ends mean what they say for any prompt', () => {
  expect(thresholdForShare(winRates.toSorted(), 0)).toBe(Number.POSITIVE_INFINITY)
  expect(thresholdForShare(winRates.toSorted(), 1)).toBe(0)
})

test('the share reached is the share asked for, to one prompt, where no win rates tie', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 200 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (values, share) => {
        const rates = Float64Array.from(values)
        const threshold = thresholdFor({ kind: 'strong_pct', value: share }, { winRates: rates })!
        expect(Math.abs(spendingAt(threshold, { winRates: rates }).strongShare - share)).toBeLessThanOrEqual(
          1 / rates.length + 1e-9,
        )
      },
    ),
  )
})

test('target_quality: the fewest prompts to strong that earn enough', () => {
  const rows = { winRates, scores }
  // All weak earns 0.6, the first to strong 0.8 = strong alone.
  expect(thresholdFor({ kind: 'target_quality', value: 0.75 }, rows)).toBe(Number.POSITIVE_INFINITY)
  expect(thresholdFor({ kind: 'target_quality', value: 1 }, rows)).toBe(0.9)
  expect(spendingAt(0.9, rows)).toMatchObject({ strongShare: 0.2, quality: 0.8 })
})

test('max_cost: the most prompts to strong within the dollars', () => {
  const rows = { winRates, costs }
  expect(thresholdFor({ kind: 'max_cost', value: 10 }, rows)).toBe(0.1)
  expect(thresholdFor({ kind: 'max_cost', value: 4.6 }, rows)).toBe(0.7)
  expect(thresholdFor({ kind: 'max_cost', value: 1 }, rows)).toBe(Number.POSITIVE_INFINITY)
  expect(thresholdFor({ kind: 'max_cost', value: 0.5 }, rows)).toBeUndefined()
  expect(spendingAt(0.7, rows).costPer1000).toBeCloseTo(4.6)
})

test('prompts that tie go together and are counted', () => {
  const tied = Float64Array.of(0.5, 0.5, 0.5, 0.2)
  const threshold = thresholdFor({ kind: 'strong_pct', value: 0.3 }, { winRates: tied })!
  expect(spendingAt(threshold, { winRates: tied })).toMatchObject({ strongShare: 0.75, tiedShare: 0.75 })
  expect(spendingAt(0.2, { winRates: tied }).tiedShare).toBe(0)
})

test('stored quantiles give the shares back', () => {
  const many = Float64Array.from({ length: 5000 }, (_, i) => (i * 7919) % 5000).map(value => value / 5000)
  const stored = storedQuantiles(many)
  expect(stored).toHaveLength(1001)
  for (const share of [0.1, 0.25, 0.5, 0.9]) {
    expect(spendingAt(thresholdForShare(stored, share), { winRates: many }).strongShare).toBeCloseTo(share, 3)
  }
})

test('what stored quantiles say of a threshold is the inverse of looking one up', () => {
  const stored = storedQuantiles(Float64Array.from({ length: 400 }, (_, i) => Math.sin(i) / 2 + 0.5))
  fc.assert(
    fc.property(fc.double({ min: 0.001, max: 0.999, noNaN: true }), share => {
      expect(storedSpendingAt(thresholdForShare(stored, share), stored).strongShare).toBeCloseTo(share, 9)
    }),
  )
  expect(storedSpendingAt(Number.POSITIVE_INFINITY, stored)).toMatchObject({ strongShare: 0, strongShareLow: null })
  expect(storedSpendingAt(0, stored).strongShare).toBe(1)
  const tied = storedQuantiles(Float64Array.of(0.2, 0.5, 0.5, 0.5, 0.5, 0.5, 0.9))
  expect(storedSpendingAt(0.5, tied).tiedShare).toBeGreaterThan(0.5)
})
