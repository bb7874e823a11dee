import { expect, test } from 'vitest'
import { poolTokens } from '../../src/math/token_pooling.ts'

/** Two texts of up to three tokens of two numbers; the second text has one token, and 9s where it is filled up. */
const VECTORS = { data: Float32Array.of(1, -2, 3, 4, 5, -9, 7, 8, 9, 9, 9, 9), tokens: 3, width: 2 }

test.each([
  ['mean', [3, -7 / 3, 7, 8]],
  ['cls', [1, -2, 7, 8]],
  ['max', [5, 4, 7, 8]],
  ['last', [5, -9, 7, 8]],
  ['sqrt_mean', [9 / Math.sqrt(3), -7 / Math.sqrt(3), 7, 8]],
  ['weighted', [(1 + 6 + 15) / 6, (-2 + 8 - 27) / 6, 7, 8]],
] as const)('%s, of the tokens that are there', (way, expected) => {
  const rows = poolTokens(VECTORS, [3, 1], [way])
  expect(rows).toHaveLength(4)
  for (const [k, value] of expected.entries()) expect(rows[k]).toBeCloseTo(value, 6)
})

test('several ways stand end to end', () => {
  expect([...poolTokens(VECTORS, [3, 1], ['cls', 'last'])]).toEqual([1, -2, 5, -9, 7, 8, 7, 8])
})
