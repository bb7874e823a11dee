import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import createWabt from 'wabt'
import { createRandom } from '../../src/math/random.ts'
import { createUnitRow, unitRows } from '../../src/math/unit_rows.ts'
import { normalize } from '../../src/math/vectors.ts'

test.each([1, 3, 4, 130, 256])('a row of %i numbers is bit for bit what normalize gives', width => {
  const random = createRandom(width)
  const numbers = () => Float32Array.from({ length: width }, () => random() * 2 - 1)
  const centre = numbers()
  const toUnit = createUnitRow(centre)
  for (let run = 0; run < 20; run++) {
    const row = numbers()
    const expected = row.map((value, j) => value - centre[j]!)
    normalize(expected)
    toUnit(row, 0, row, 0)
    expect(row).toEqual(expected)
  }
})

test('a row of zeros stays one', () => {
  const row = Float32Array.of(1, 2, 3)
  createUnitRow(row)(row, 0, row, 0)
  expect([...row]).toEqual([0, 0, 0])
})

test('the bytes are those of unit_rows.wat', async () => {
  const wabt = await createWabt()
  const module = wabt.parseWat('unit_rows.wat', readFileSync('src/math/unit_rows.wat', 'utf8'), { simd: true })
  expect(Buffer.from(unitRows.bytes())).toEqual(Buffer.from(module.toBinary({}).buffer))
})
