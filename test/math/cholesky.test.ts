import fc from 'fast-check'
import { expect, test } from 'vitest'
import { factorize, gramOf, solveFactorized } from '../../src/math/cholesky.ts'

const matrices = fc
  .record({ rows: fc.integer({ min: 1, max: 11 }), width: fc.integer({ min: 1, max: 6 }) })
  .chain(({ rows, width }) =>
    fc
      .array(fc.integer({ min: -50, max: 50 }), { minLength: rows * width, maxLength: rows * width })
      .map(values => ({ width, rows, matrix: Float32Array.from(values, value => value / 10) })),
  )

test('the sum of x xᵀ over chosen rows', () => {
  fc.assert(
    fc.property(matrices, ({ matrix, width, rows }) => {
      const chosen = Int32Array.from({ length: rows }, (_, row) => row).filter(row => row % 3 !== 1)
      const gram = gramOf(matrix, width, chosen)
      for (let i = 0; i < width; i++) {
        for (let j = 0; j <= i; j++) {
          const expected = chosen.reduce((sum, row) => sum + matrix[row * width + i]! * matrix[row * width + j]!, 0)
          expect(gram[i * width + j]).toBeCloseTo(expected, 4)
        }
      }
    }),
  )
})

test('solves positive definite systems', () => {
  fc.assert(
    fc.property(matrices, ({ matrix, width, rows }) => {
      const gram = gramOf(
        matrix,
        width,
        Int32Array.from({ length: rows }, (_, row) => row),
      )
      for (let i = 0; i < width; i++) gram[i * width + i]! += 1
      const at = (i: number, j: number) => gram[Math.max(i, j) * width + Math.min(i, j)]!
      const wanted = Float64Array.from({ length: width }, (_, i) => i - 1.5)
      const right = Float64Array.from({ length: width }, (_, i) => wanted.reduce((sum, x, j) => sum + at(i, j) * x, 0))
      const factor = gram.slice()
      factorize(factor, width)
      solveFactorized(factor, width, right)
      for (let i = 0; i < width; i++) expect(right[i]).toBeCloseTo(wanted[i]!, 5)
    }),
  )
})

test('a pivot that rounding took away leaves a factor of finite numbers', () => {
  const matrix = Float64Array.of(1, 0, 1, 1 - 1e-17)
  factorize(matrix, 2)
  expect(matrix.every(Number.isFinite)).toBe(true)
  expect(matrix[3]).toBeGreaterThan(0)
})
