import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import createWabt from 'wabt'
import { createRowSum, rowSum } from '../../src/math/row_sum.ts'

const codes = Int8Array.from({ length: 3 * 18 }, (_, i) => ((i * 37) % 255) - 127)
const scales = Float32Array.of(0.5, 2, 0.25)
const table = { codes, scales, width: 18 }

test('adds up rows of any width, one that is named twice twice', () => {
  const sumOf = createRowSum(table, 4)
  expect([...sumOf(Int32Array.of(2, 2, 2, 2), 4)]).toEqual(Array.from(codes.subarray(36), code => code))
  const expected = Array.from({ length: 18 }, (_, j) => 0.5 * codes[j]! + 2 * 2 * codes[18 + j]!)
  expect([...sumOf(Int32Array.of(1, 0, 1), 3)]).toEqual(expected)
})

test('only the first numbers count; none is zero', () => {
  const sumOf = createRowSum(table, 4)
  expect([...sumOf(Int32Array.of(1, 0), 1)]).toEqual(Array.from(codes.subarray(18, 36), code => 2 * code))
  expect([...sumOf(Int32Array.of(1, 0), 0)]).toEqual(new Array(18).fill(0))
})

test('the bytes are those of row_sum.wat', async () => {
  const wabt = await createWabt()
  const module = wabt.parseWat('row_sum.wat', readFileSync('src/math/row_sum.wat', 'utf8'), { simd: true })
  expect(Buffer.from(rowSum.bytes())).toEqual(Buffer.from(module.toBinary({}).buffer))
})
