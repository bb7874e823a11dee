import fc from 'fast-check'
import { expect, test } from 'vitest'
import { symmetricEigen } from '../../src/math/symmetric_eigen.ts'

test('a matrix with known eigenvalues', () => {
  const { values, vectors } = symmetricEigen(Float64Array.of(2, 1, 1, 2), 2)
  expect(Array.from(values)).toEqual([expect.closeTo(3, 12), expect.closeTo(1, 12)])
  expect(vectors[0]! * vectors[1]!).toBeCloseTo(0.5, 12)
  expect(vectors[2]! * vectors[3]!).toBeCloseTo(-0.5, 12)
})

test('vectors are orthonormal, values descend, and together they are the matrix', () => {
  const squares = fc.integer({ min: 1, max: 7 }).chain(n =>
    fc.array(fc.integer({ min: -20, max: 20 }), { minLength: n * n, maxLength: n * n }).map(entries => ({
      n,
      matrix: Float64Array.from(entries, (_, k) => entries[k]! + entries[(k % n) * n + Math.floor(k / n)]!),
    })),
  )
  fc.assert(
    fc.property(squares, ({ n, matrix }) => {
      const { values, vectors } = symmetricEigen(matrix, n)
      for (let i = 1; i < n; i++) expect(values[i - 1]).toBeGreaterThanOrEqual(values[i]!)
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          let product = 0
          let entry = 0
          for (let k = 0; k < n; k++) {
            product += vectors[i * n + k]! * vectors[j * n + k]!
            entry += values[k]! * vectors[k * n + i]! * vectors[k * n + j]!
          }
          expect(product).toBeCloseTo(Number(i === j), 9)
          expect(entry).toBeCloseTo(matrix[i * n + j]!, 8)
        }
      }
    }),
  )
})
