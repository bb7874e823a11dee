import { expect, test } from 'vitest'
import { factorizeWeights } from '../../src/math/low_rank.ts'

const PLAYERS = 4
const WIDTH = 3
const first = [1, -1, 2, 0.5]
const second = [1, 1, 0, -1]
const rankTwo = Float64Array.from({ length: PLAYERS * WIDTH }, (_, k) => {
  const [player, j] = [Math.floor(k / WIDTH), k % WIDTH]
  return first[player]! * [3, 1, -2][j]! + second[player]! * [0.1, -0.2, 0.05][j]!
})
/** Lower triangle of a positive definite matrix. */
const gram = Float64Array.of(4, 0, 0, 1, 3, 0, 0.5, -1, 2)

const product = ({ left, right, rank }: ReturnType<typeof factorizeWeights>) =>
  Float64Array.from({ length: PLAYERS * WIDTH }, (_, k) => {
    let sum = 0
    for (let r = 0; r < rank; r++) sum += left[Math.floor(k / WIDTH) * rank + r]! * right[r * WIDTH + (k % WIDTH)]!
    return sum
  })

test('weights of rank two come back whole from rank two', () => {
  const factors = factorizeWeights(rankTwo, gram, PLAYERS, WIDTH, 2)
  expect(factors.rank).toBe(2)
  for (const [k, value] of product(factors).entries()) expect(value).toBeCloseTo(rankTwo[k]!, 10)
})

test('rank one keeps the larger of two parts', () => {
  for (const [k, value] of product(factorizeWeights(rankTwo, gram, PLAYERS, WIDTH, 1)).entries()) {
    expect(Math.abs(value - rankTwo[k]!)).toBeLessThan(0.4)
  }
})

test('rank is never more than there are players', () => {
  const factors = factorizeWeights(rankTwo, gram, PLAYERS, WIDTH, 99)
  expect(factors.rank).toBe(PLAYERS)
  for (const [k, value] of product(factors).entries()) expect(value).toBeCloseTo(rankTwo[k]!, 10)
})
