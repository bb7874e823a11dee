import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import createWabt from 'wabt'
import { createKernel, createProduct, kernelRows } from '../../src/math/kernel_rows.ts'
import { createRandom } from '../../src/math/random.ts'

const numbers = (length: number, seed: number) => {
  const random = createRandom(seed)
  return Float32Array.from({ length }, () => random() * 2 - 1)
}

test.each([1, 4, 7])('a kernel of %i landmarks is that of its formula', landmarks => {
  const [shapes, shape, cosines] = [numbers(landmarks * 5, 1), numbers(5, 2), numbers(landmarks, 3)]
  const out = new Float32Array(landmarks)
  createKernel(shapes, landmarks, 0.7)(cosines, shape, out)
  for (let k = 0; k < landmarks; k++) {
    const distance = shape.reduce((sum, value, j) => sum + (value - shapes[k * 5 + j]!) ** 2, 0)
    const expected = Math.exp(-distance / 1.4) * (1 + ((1 + cosines[k]!) / 2) ** 3)
    expect(out[k]).toBeCloseTo(expected, 6)
  }
})

test('a kernel of what is far away is as good as 0, of what is the same 2', () => {
  const out = new Float32Array(2)
  createKernel(Float32Array.of(0, 1e3), 2, 1)(Float32Array.of(1, 1), Float32Array.of(0), out)
  expect(out[0]).toBe(2)
  expect(out[1]).toBeLessThan(1e-30)
})

test.each([
  [1, 1],
  [5, 3],
  [8, 15],
])('the product of %i numbers with a matrix of %i columns', (rows, columns) => {
  const [values, matrix] = [numbers(rows, 1), numbers(rows * columns, 2)]
  const product = createProduct(matrix, columns)
  product(numbers(rows, 9))
  const expected = Array.from({ length: columns }, (_, c) =>
    values.reduce((sum, value, i) => sum + value * matrix[i * columns + c]!, 0),
  )
  const found = product(values)
  expect(found.length).toBe(columns)
  for (const [c, value] of expected.entries()) expect(found[c]).toBeCloseTo(value, 5)
})

test('the bytes are those of kernel_rows.wat', async () => {
  const wabt = await createWabt()
  const source = readFileSync('src/math/kernel_rows.wat', 'utf8')
  const module = wabt.parseWat('kernel_rows.wat', source, { simd: true })
  expect(Buffer.from(kernelRows.bytes())).toEqual(Buffer.from(module.toBinary({}).buffer))
})
