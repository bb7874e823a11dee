import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import createWabt from 'wabt'
import { int8Dot } from '../../src/math/int8_dot.ts'
import { createScan, quantizeRows, type Scan } from '../../src/math/quantized_rows.ts'
import { createRandom } from '../../src/math/random.ts'
import { normalize } from '../../src/math/vectors.ts'

function unitRows(count: number, width: number, seed: number): Float32Array {
  const random = createRandom(seed)
  const rows = Float32Array.from({ length: count * width }, () => random() - 0.5)
  for (let row = 0; row < count; row++) normalize(rows.subarray(row * width, (row + 1) * width))
  return rows
}

/** Row-major queries × rows. */
function cosinesOf(scan: Scan, queries: Float32Array): number[] {
  const all: number[] = []
  scan(queries, (query, cosines) => {
    expect(all.length).toBe(query * cosines.length)
    all.push(...cosines)
  })
  return all
}

test('eight bits lose at most half a step', () => {
  const rows = unitRows(20, 33, 1)
  const { codes, scales } = quantizeRows(rows, 33)
  for (const [k, value] of rows.entries()) {
    const scale = scales[Math.floor(k / 33)]!
    expect(Math.abs(codes[k]! * scale - value)).toBeLessThanOrEqual(scale * 0.5001)
  }
})

test('a row of zeros stays one', () => {
  const { codes, scales } = quantizeRows(new Float32Array(5), 5)
  expect([...codes, ...scales]).toEqual([0, 0, 0, 0, 0, 0])
})

test('cosines are those of the vectors, for any number of rows, queries and dimensions', () => {
  const sizes = fc.record({
    rows: fc.integer({ min: 1, max: 70 }),
    queries: fc.integer({ min: 1, max: 70 }),
    width: fc.constantFrom(1, 2, 7, 64, 272),
    seed: fc.nat(),
  })
  fc.assert(
    fc.property(sizes, ({ rows, queries, width, seed }) => {
      const matrix = unitRows(rows, width, seed)
      const asked = unitRows(queries, width, seed + 1)
      const out = cosinesOf(createScan(quantizeRows(matrix, width)), asked)
      for (let query = 0; query < queries; query++) {
        for (let row = 0; row < rows; row++) {
          let cosine = 0
          for (let j = 0; j < width; j++) cosine += asked[query * width + j]! * matrix[row * width + j]!
          expect(Math.abs(out[query * rows + row]! - cosine)).toBeLessThan(0.01)
        }
      }
    }),
    { numRuns: 40 },
  )
})

test.each([3, 272, 1552, 3088])('in a batch a query of %i numbers gives bit for bit what it gives alone', width => {
  const scan = createScan(quantizeRows(unitRows(37, width, 5), width))
  const queries = unitRows(35, width, 6)
  const together = cosinesOf(scan, queries)
  for (let query = 0; query < 35; query++) {
    const alone = cosinesOf(scan, queries.subarray(query * width, (query + 1) * width))
    expect(alone).toEqual(together.slice(query * 37, (query + 1) * 37))
  }
})

test('two queries in one double do not spill into each other at their largest', () => {
  const width = 300
  const rows = new Float32Array(2 * width).fill(1).fill(-1, width)
  const queries = new Float32Array(4 * width)
    .fill(1)
    .fill(-1, width, 2 * width)
    .fill(-1, 3 * width)
  const out = cosinesOf(createScan(quantizeRows(rows, width)), queries)
  expect(out.map(Math.round)).toEqual([300, -300, -300, 300, 300, -300, -300, 300])
})

test('the bytes are those of int8_dot.wat', async () => {
  const wabt = await createWabt()
  const module = wabt.parseWat('int8_dot.wat', readFileSync('src/math/int8_dot.wat', 'utf8'), { simd: true })
  expect(Buffer.from(int8Dot.bytes())).toEqual(Buffer.from(module.toBinary({}).buffer))
})
