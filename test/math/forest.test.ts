import { expect, test } from 'vitest'
import { forestContributions, LEAF, predictForest } from '../../src/math/forest.ts'
import { growForest } from '../../src/math/forest_fit.ts'
import { createRandom } from '../../src/math/random.ts'

const WIDTH = 4
const ROWS = 1200
const OPTIONS = { trees: 30, tried: 4, leastLeaf: 10, seed: 1 }

/** P(1) is 0.8 where the first two features are both above a half, else 0.2; the others say nothing. */
function data(seed: number): { rows: Float32Array; targets: Float64Array; truth: Float64Array } {
  const random = createRandom(seed)
  const rows = Float32Array.from({ length: ROWS * WIDTH }, () => random())
  const truth = Float64Array.from({ length: ROWS }, (_, i) =>
    rows[i * WIDTH]! > 0.5 && rows[i * WIDTH + 1]! > 0.5 ? 0.8 : 0.2,
  )
  return { rows, truth, targets: truth.map(chance => Number(random() < chance)) }
}

const { rows, targets } = data(1)
const forest = growForest(rows, WIDTH, targets, OPTIONS)
const rowOf = (matrix: Float32Array, i: number) => matrix.subarray(i * WIDTH, (i + 1) * WIDTH)

test('its probabilities are right on rows it has not seen', () => {
  const fresh = data(2)
  let error = 0
  for (let i = 0; i < ROWS; i++) error += Math.abs(predictForest(forest, rowOf(fresh.rows, i)) - fresh.truth[i]!) / ROWS
  expect(error).toBeLessThan(0.1)
  const mean = fresh.truth.reduce((sum, _, i) => sum + predictForest(forest, rowOf(fresh.rows, i)), 0) / ROWS
  expect(mean).toBeCloseTo(fresh.truth.reduce((sum, chance) => sum + chance, 0) / ROWS, 1)
})

test('predictions stay within the targets', () => {
  for (let i = 0; i < ROWS; i++) {
    const prediction = predictForest(forest, rowOf(rows, i))
    expect(prediction).toBeGreaterThanOrEqual(0)
    expect(prediction).toBeLessThanOrEqual(1)
  }
})

test('one seed, one forest; another seed, another', () => {
  expect(growForest(rows, WIDTH, targets, OPTIONS)).toEqual(forest)
  expect(growForest(rows, WIDTH, targets, { ...OPTIONS, seed: 2 }).values).not.toEqual(forest.values)
})

test('children stand behind their parents and leaves ask nothing', () => {
  for (const [node, feature] of forest.features.entries()) {
    if (feature !== LEAF) expect(forest.children[node]).toBeGreaterThan(node)
  }
})

test('contributions and the mean of the roots sum to the prediction, and point at what matters', () => {
  const roots = forest.roots.reduce((sum, root) => sum + forest.values[root]!, 0) / forest.roots.length
  const total = new Float64Array(WIDTH)
  for (let i = 0; i < 100; i++) {
    const contributions = forestContributions(forest, rowOf(rows, i))
    const sum = contributions.reduce((a, b) => a + b, roots)
    expect(sum).toBeCloseTo(predictForest(forest, rowOf(rows, i)), 6)
    for (const [j, value] of contributions.entries()) total[j]! += Math.abs(value)
  }
  expect(Math.min(total[0]!, total[1]!)).toBeGreaterThan(2 * Math.max(total[2]!, total[3]!))
})

test('one row, or rows that are all alike, make leaves only', () => {
  for (const count of [1, 50]) {
    const alike = growForest(
      new Float32Array(count * WIDTH).fill(1),
      WIDTH,
      new Float64Array(count).fill(0.25),
      OPTIONS,
    )
    expect(alike.features.every(feature => feature === LEAF)).toBe(true)
    expect(predictForest(alike, Float32Array.of(9, 9, 9, 9))).toBe(0.25)
  }
})
