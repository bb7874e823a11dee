import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { quantile, quantiles } from '../../src/math/quantile.ts'

const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 60 })
const share = fc.double({ min: 0, max: 1, noNaN: true })

describe('quantile', () => {
  test('interpolates between neighbours', () => {
    expect(quantile([0, 10, 20, 40], 0.5)).toBe(15)
    expect(quantile([0, 10, 20, 40], 0)).toBe(0)
    expect(quantile([0, 10, 20, 40], 1)).toBe(40)
    expect(quantile([7], 0.3)).toBe(7)
  })

  test('of nothing is NaN', () => {
    expect(quantile([], 0.5)).toBeNaN()
  })

  test('among ties it is the tied value, bit for bit', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), share, (value, q) => {
        expect(quantile([value, value, value], q)).toBe(value)
      }),
    )
  })

  test('at a decile that falls on a row, q·(n−1) never steps over that row', () => {
    for (let tenths = 0; tenths <= 10; tenths++) {
      for (let n = 11; n < 20_000; n += 10) {
        const row = (tenths * (n - 1)) / 10
        expect(Math.ceil((tenths / 10) * (n - 1))).toBe(row)
      }
    }
  })
})

describe('quantiles', () => {
  test('grow with q, stay within the values, and leave the input alone', () => {
    fc.assert(
      fc.property(values, share, share, (list, a, b) => {
        const input = Float64Array.from(list)
        const [low, high] = quantiles(input, [Math.min(a, b), Math.max(a, b)])
        expect(low!).toBeLessThanOrEqual(high!)
        expect(low!).toBeGreaterThanOrEqual(Math.min(...list))
        expect(high!).toBeLessThanOrEqual(Math.max(...list))
        expect(Array.from(input)).toEqual(list)
      }),
    )
  })

  test('the share at or above quantile 1 − s is at least s, up to the one row that interpolation skips', () => {
    fc.assert(
      fc.property(values, share, (list, s) => {
        const [threshold] = quantiles(Float64Array.from(list), [1 - s])
        const above = list.filter(value => value >= threshold!).length
        expect(above).toBeGreaterThanOrEqual(Math.floor(s * (list.length - 1)))
      }),
    )
  })
})
