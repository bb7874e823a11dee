import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bertWinRate, causalWinRate } from '../../src/strategies/label_win_rate.ts'

const logit = fc.double({ min: -50, max: 50, noNaN: true })

describe('bertWinRate', () => {
  test('of the three labels swapped, strong for weak, is the complement: a tie is half a win each', () => {
    fc.assert(
      fc.property(logit, logit, logit, (strong, tie, weak) => {
        expect(bertWinRate([strong, tie, weak]) + bertWinRate([weak, tie, strong])).toBeCloseTo(1, 12)
      }),
    )
  })

  test('lies between counting ties for weak and counting them for strong', () => {
    fc.assert(
      fc.property(logit, logit, logit, (...logits) => {
        expect(bertWinRate(logits, 0)).toBeLessThanOrEqual(bertWinRate(logits))
        expect(bertWinRate(logits)).toBeLessThanOrEqual(bertWinRate(logits, 1))
        expect(bertWinRate(logits, 1)).toBeLessThanOrEqual(1 + 1e-12)
      }),
    )
  })
})

describe('causalWinRate', () => {
  test('no label: strong', () => {
    expect(causalWinRate(undefined)).toBe(1)
  })

  test('falls as the labels 4 and 5 gain', () => {
    fc.assert(
      fc.property(fc.tuple(logit, logit, logit, logit, logit), logits => {
        const [a, b, c, d, e] = logits
        expect(causalWinRate([a, b, c, d + 1, e + 1])).toBeLessThanOrEqual(causalWinRate(logits))
      }),
    )
    expect(causalWinRate([1, 1, 1, 1, 1])).toBeCloseTo(0.6, 12)
  })
})
