import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { eachResample, interval } from '../../src/math/bootstrap.ts'

describe('eachResample', () => {
  test('draws as many rows as there are, and the same for the same seed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.nat(), (rows, seed) => {
        const first: number[][] = []
        const second: number[][] = []
        eachResample(rows, { resamples: 5, seed }, counts => first.push(Array.from(counts)))
        eachResample(rows, { resamples: 5, seed }, counts => second.push(Array.from(counts)))
        expect(second).toEqual(first)
        for (const counts of first) expect(counts.reduce((sum, count) => sum + count, 0)).toBe(rows)
      }),
    )
  })

  test('every row is drawn once on average', () => {
    const rows = 20
    const resamples = 2000
    const total = new Float64Array(rows)
    const indexes: number[] = []
    eachResample(rows, { resamples, seed: 3 }, (counts, index) => {
      indexes.push(index)
      counts.forEach((count, row) => {
        total[row]! += count
      })
    })
    // The sum of 2,000 counts has a standard deviation of 44.
    for (const sum of total) expect(Math.abs(sum - resamples)).toBeLessThan(200)
    expect(indexes).toEqual(Array.from({ length: resamples }, (_, i) => i))
  })
})

describe('interval', () => {
  test('is the quantiles of what is defined', () => {
    const values = Float64Array.from({ length: 101 }, (_, i) => 100 - i)
    expect(interval(values, 0.9).low).toBeCloseTo(5, 9)
    expect(interval(values, 0.9).high).toBeCloseTo(95, 9)
    expect(interval(Float64Array.of(Number.NaN, 2, Number.NaN, 2))).toEqual({ low: 2, high: 2 })
    expect(interval(Float64Array.of(Number.NaN))).toEqual({ low: null, high: null })
    expect(interval(new Float64Array(0))).toEqual({ low: null, high: null })
  })

  test('is 95 % wide unless asked otherwise', () => {
    const values = Float64Array.from({ length: 1001 }, (_, i) => i)
    expect(interval(values).low).toBeCloseTo(25, 9)
    expect(interval(values).high).toBeCloseTo(975, 9)
  })
})
