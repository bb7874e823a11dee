import { expect, test } from 'vitest'
import { createRandom } from '../../src/math/random.ts'
import { normalize } from '../../src/math/vectors.ts'
import { chooseShrinkage, createScoreParts, within01 } from '../../src/strategies/score_parts.ts'

test('scores divide into level, ease and what is the model’s own, whatever is not known', () => {
  const scores = Float64Array.of(1, 0.5, 0, Number.NaN, 1, 0.5)
  const { levels, ease, own } = createScoreParts(scores, 2)
  expect([...levels]).toEqual([2 / 3, 0.5])
  for (const [at, score] of scores.entries()) {
    const sum = levels[at % 2]! + ease[Math.floor(at / 2)]! + own[at]!
    if (Number.isNaN(score)) expect(own[at]).toBeNaN()
    else expect(sum).toBeCloseTo(score, 12)
  }
  expect(own[2]).toBeCloseTo(0, 12)
})

test('what tells models apart is held back where it is noise, and not where neighbours tell it', () => {
  const random = createRandom(4)
  const rows = 200
  const vectors = new Float32Array(rows * 3)
  const isLeft = Array.from({ length: rows }, () => random() < 0.5)
  for (const [row, left] of isLeft.entries()) {
    const vector = Float32Array.of(left ? 1 : -1, random() - 0.5, random() - 0.5)
    normalize(vector)
    vectors.set(vector, row * 3)
  }
  const choose = (scoreOf: (row: number) => number) => {
    const scores = Float64Array.from({ length: rows * 2 }, (_, at) => (at % 2 ? 0.5 : scoreOf(Math.floor(at / 2))))
    return chooseShrinkage(createScoreParts(scores, 2), 2, vectors, 3, 20, 0)
  }
  expect(choose(row => Number(isLeft[row]))).toBe(0.01)
  expect(choose(() => Number(random() < 0.5))).toBeGreaterThanOrEqual(0.3)
})

test('values stay within 0..1 with their differences, which decide', () => {
  const near = (values: Float64Array) => [...values].map(value => Number(value.toFixed(9)))
  expect(near(within01(Float64Array.of(0.5, 0.7), 0.1))).toEqual([0.6, 0.8])
  expect(near(within01(Float64Array.of(0.5, 0.7), 0.9))).toEqual([0.8, 1])
  expect(near(within01(Float64Array.of(0.5, 0.7), -0.9))).toEqual([0, 0.2])
  expect(near(within01(Float64Array.of(-0.2, 1.1), 0))).toEqual([0, 1])
})
