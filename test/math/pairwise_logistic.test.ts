import { expect, test } from 'vitest'
import { gramOf } from '../../src/math/cholesky.ts'
import { fitStrengths } from '../../src/math/pairwise_logistic.ts'
import { sigmoid } from '../../src/math/probability.ts'
import { createRandom } from '../../src/math/random.ts'

const all = (count: number) => Int32Array.from({ length: count }, (_, row) => row)

function strengthsFor(vectors: number[], width: number, scores: number[], players: number, penalty: number) {
  const rows = { vectors: Float32Array.from(vectors), width, scores: Float64Array.from(scores), players }
  const gram = gramOf(rows.vectors, width, all(vectors.length / width))
  return fitStrengths(rows, gram, new Float64Array(width).fill(penalty))
}

test('without features it finds the log-odds of the mean share: a win counts 1, a tie ½', () => {
  // Three wins, two ties, one defeat of player 1: a share of (3 + 1) / 6.
  const weights = strengthsFor([1, 1, 1, 1, 1, 1], 1, [0, 1, 0, 1, 0, 1, 1, 1, 0, 0, 1, 0], 2, 1e-9)
  expect(sigmoid(weights[1]! - weights[0]!)).toBeCloseTo(4 / 6, 5)
})

test('the gradient of the penalised likelihood is zero at what it returns', () => {
  const random = createRandom(3)
  const [count, width, players] = [60, 3, 4]
  const vectors = Array.from({ length: count * width }, () => random() - 0.5)
  const scores = Array.from({ length: count * players }, (_, k) =>
    random() < 0.2 ? Number.NaN : Math.round(random() * 2 + (k % players)) / 6,
  )
  const penalty = 0.5
  const weights = strengthsFor(vectors, width, scores, players, penalty)
  const gradient = weights.map(weight => penalty * weight)
  for (let row = 0; row < count; row++) {
    const strength = (m: number) =>
      [0, 1, 2].reduce((sum, j) => sum + weights[m * width + j]! * vectors[row * width + j]!, 0)
    const known = [0, 1, 2, 3].filter(m => !Number.isNaN(scores[row * players + m]))
    for (const a of known) {
      for (const b of known) {
        if (a === b) continue
        const target = 0.5 + (scores[row * players + a]! - scores[row * players + b]!) / 2
        const excess = (2 / known.length) * (sigmoid(strength(a) - strength(b)) - target)
        for (let j = 0; j < width; j++) gradient[a * width + j]! += excess * vectors[row * width + j]!
      }
    }
  }
  for (const value of gradient) expect(Math.abs(value)).toBeLessThan(1e-3)
})

test('two players never seen together are compared through a third', () => {
  const unknown = Number.NaN
  const rows = Array.from({ length: 40 }, (_, i) => (i % 2 ? [0, 1, unknown] : [unknown, 0, 1]))
  const weights = strengthsFor(new Array(40).fill(1), 1, rows.flat(), 3, 0.1)
  expect(weights[2]! - weights[0]!).toBeGreaterThan(weights[1]! - weights[0]!)
  expect(weights[1]! - weights[0]!).toBeGreaterThan(1)
})

test('a player that was never seen stays at nothing', () => {
  const weights = strengthsFor([1, 1], 1, [0, 1, Number.NaN, 0, 1, Number.NaN], 3, 0.1)
  expect(weights[2]).toBe(0)
})
