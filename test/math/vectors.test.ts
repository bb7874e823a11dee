import { expect, test } from 'vitest'
import { meanRow, normalize } from '../../src/math/vectors.ts'

test('unit length in the same direction; zero stays zero', () => {
  const vector = Float32Array.of(3, 0, -4)
  normalize(vector)
  expect(Array.from(vector)).toEqual([expect.closeTo(0.6, 6), 0, expect.closeTo(-0.8, 6)])
  const zero = new Float32Array(3)
  normalize(zero)
  expect(zero).toEqual(new Float32Array(3))
})

test('the mean of rows, zeros of none', () => {
  expect(meanRow(Float32Array.of(1, 2, 3, 6), 2)).toEqual(Float64Array.of(2, 4))
  expect(meanRow(new Float32Array(0), 2)).toEqual(new Float64Array(2))
})
