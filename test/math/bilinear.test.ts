import fc from 'fast-check'
import { expect, test } from 'vitest'
import { foldPair } from '../../src/math/bilinear.ts'

const P = Float32Array.of(3, 4, 0, 0, 0, 2)
const W = Float32Array.of(1, 2, 3, 4, 5, 6)
const w = Float32Array.of(10, 0.5)

test('folds the pair into one vector: by hand', () => {
  // Unit rows (0.6, 0.8) and (0, 1); lead ∘ w = (6, −0.1).
  const folded = foldPair(P, W, w, 3, 2, 0, 2)
  expect(Array.from(folded, value => Number(value.toFixed(9)))).toEqual([5.6, 11.5, 17.4])
})

test('the other way round is the opposite; a model against itself, nothing; its length does not count', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 100, noNaN: true }), scale => {
      const there = foldPair(P, W, w, 3, 2, 0, 2)
      const back = foldPair(P, W, w, 3, 2, 2, 0)
      const scaled = foldPair(
        P.map((value, i) => (i < 2 ? value * scale : value)),
        W,
        w,
        3,
        2,
        0,
        2,
      )
      there.forEach((value, d) => {
        expect(back[d]).toBeCloseTo(-value, 12)
        expect(scaled[d]).toBeCloseTo(value, 5)
      })
    }),
  )
  expect(Array.from(foldPair(P, W, w, 3, 2, 2, 2))).toEqual([0, 0, 0])
})

test('a model embedding of zeros stays zero instead of NaN', () => {
  expect(foldPair(P, W, w, 3, 2, 0, 1).every(Number.isFinite)).toBe(true)
})
