import { expect, test } from 'vitest'
import { createRandom } from '../../src/math/random.ts'
import { type SparseRows, solveRidge } from '../../src/math/ridge.ts'

const WIDTH = 4
const random = createRandom(7)
const dense = Array.from({ length: 60 }, () => Array.from({ length: WIDTH }, () => random() * 2 - 1))
const groups = dense.map((_, i) => i % 3)
const truth = [0.5, -1, 2, 0]
const targets = Float64Array.from(
  dense,
  (row, i) => row.reduce((sum, value, j) => sum + value * truth[j]!, 0) + 10 * groups[i]! + 0.1 * (random() - 0.5),
)

test('agrees with the normal equations of centred columns, solved by elimination', () => {
  const penalty = 2
  const { weights } = solveRidge(sparse(dense), targets, WIDTH, groups, { penalty, iterations: 50 })
  const means = [0, 1, 2].map(group => {
    const rows = dense.filter((_, i) => groups[i] === group)
    const values = targets.filter((_, i) => groups[i] === group)
    return {
      row: truth.map((_, j) => rows.reduce((sum, row) => sum + row[j]!, 0) / rows.length),
      target: values.reduce((sum, value) => sum + value, 0) / values.length,
    }
  })
  const centred = dense.map((row, i) => row.map((value, j) => value - means[groups[i]!]!.row[j]!))
  const system = truth.map((_, a) => [
    ...truth.map((_, b) => centred.reduce((sum, row) => sum + row[a]! * row[b]!, a === b ? penalty : 0)),
    centred.reduce((sum, row, i) => sum + row[a]! * (targets[i]! - means[groups[i]!]!.target), 0),
  ])
  for (const [j, expected] of eliminate(system).entries()) expect(weights[j]).toBeCloseTo(expected, 6)
})

test('the intercept is the mean of the intercepts of the groups', () => {
  const { intercept } = solveRidge(sparse(dense), targets, WIDTH, groups, { penalty: 1e-6, iterations: 50 })
  expect(intercept).toBeCloseTo(10, 1)
})

test('targets that are all the same leave nothing to learn', () => {
  const { weights, intercept } = solveRidge(sparse(dense), new Float64Array(60).fill(0.3), WIDTH, groups, {
    penalty: 1,
    iterations: 5,
  })
  for (const weight of weights) expect(weight).toBeCloseTo(0, 12)
  expect(intercept).toBeCloseTo(0.3)
})

function sparse(rows: readonly (readonly number[])[]): SparseRows {
  return {
    starts: Int32Array.from({ length: rows.length + 1 }, (_, i) => i * WIDTH),
    columns: Int32Array.from({ length: rows.length * WIDTH }, (_, k) => k % WIDTH),
    values: Float32Array.from(rows.flat()),
  }
}

/** Gauss-Jordan on a small augmented system. */
function eliminate(system: number[][]): number[] {
  for (const [i, pivot] of system.entries()) {
    const scale = pivot[i]!
    for (let j = 0; j < pivot.length; j++) pivot[j]! /= scale
    for (const [k, row] of system.entries()) {
      const factor = k === i ? 0 : row[i]!
      for (let j = 0; j < row.length; j++) row[j]! -= factor * pivot[j]!
    }
  }
  return system.map(row => row.at(-1)!)
}
