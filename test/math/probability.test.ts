import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sigmoid, softmax } from '../../src/math/probability.ts'

describe('sigmoid', () => {
  test('is a probability whose complement is the probability of the opposite', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), x => {
        expect(sigmoid(x)).toBeGreaterThanOrEqual(0)
        expect(sigmoid(x)).toBeLessThanOrEqual(1)
        expect(sigmoid(x) + sigmoid(-x)).toBeCloseTo(1, 12)
      }),
    )
    expect(sigmoid(0)).toBe(0.5)
    expect(sigmoid(Math.log(3))).toBeCloseTo(0.75, 12)
    // Far out on the weak side it keeps its digits instead of becoming 0.
    expect(sigmoid(-700)).toBeGreaterThan(0)
  })
})

describe('softmax', () => {
  test('sums to 1 and does not mind a constant', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1000, max: 1000, noNaN: true }), { minLength: 1, maxLength: 8 }),
        fc.double({ min: -100, max: 100, noNaN: true }),
        (logits, constant) => {
          const probabilities = softmax(logits)
          expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12)
          softmax(logits.map(logit => logit + constant)).forEach((p, i) => {
            expect(p).toBeCloseTo(probabilities[i]!, 9)
          })
        },
      ),
    )
  })

  test('two logits are a sigmoid of their difference', () => {
    expect(softmax([2, 0.5])[0]).toBeCloseTo(sigmoid(1.5), 12)
  })
})
