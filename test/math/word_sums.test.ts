import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import createWabt from 'wabt'
import { createRandom } from '../../src/math/random.ts'
import { type CodeSums, createCodeSums, createRowSums, wordSums } from '../../src/math/word_sums.ts'

const random = createRandom(1)
const factorsOf = (length: number) => Float64Array.from({ length }, () => 1 + Math.log(1 + Math.floor(random() * 9)))
const wordsOf = (length: number, words: number) => Int32Array.from({ length }, () => Math.floor(random() * words))

function keep(sums: CodeSums, number: number, codes: readonly number[]): void {
  sums.begin(number)
  for (const code of codes) sums.add(code)
}

test('rows are summed bit for bit as in doubles, one after the other, their last two numbers by squares', () => {
  const sums = createRowSums(8)
  const rows = Array.from({ length: 3000 }, () =>
    Float64Array.from({ length: 8 }, () => Math.floor(random() * 500) - 250),
  )
  for (const [number, row] of rows.entries()) sums.set(number, row)
  for (const count of [0, 1, 5, 1300]) {
    const [words, factors] = [wordsOf(count, rows.length), factorsOf(count)]
    const expected = new Float64Array(8)
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < 8; j++) {
        expected[j]! += (j < 6 ? factors[i]! : factors[i]! * factors[i]!) * rows[words[i]!]![j]!
      }
    }
    expect([...sums.sum(words, factors, count)]).toEqual([...expected])
  }
})

test('codes are summed bit for bit as into a Float32Array, odd ones subtracted, single ones last', () => {
  const sums = createCodeSums(256)
  const codes = () => Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 512))
  const lists = Array.from({ length: 3000 }, codes)
  for (const [number, list] of lists.entries()) keep(sums, number, list)
  for (const count of [0, 1, 5, 1300]) {
    const [words, factors, single] = [wordsOf(count, lists.length), factorsOf(count), Uint16Array.from(codes())]
    const expected = new Float32Array(256)
    const add = (code: number, value: number) => {
      expected[code >> 1]! += code & 1 ? -value : value
    }
    for (let i = 0; i < count; i++) for (const code of lists[words[i]!]!) add(code, factors[i]!)
    for (const code of single) add(code, 1)
    expect(sums.sum(words, factors, count, single, single.length)).toEqual(expected)
  }
})

test('where numbers begin again, what was kept is forgotten', () => {
  const sums = createCodeSums(2)
  for (const [number, code] of [0, 2].entries()) keep(sums, number, [code])
  keep(sums, 0, [2, 2, 0])
  keep(sums, 1, [3])
  expect([...sums.sum(Int32Array.of(0, 1), Float64Array.of(1, 5), 2, new Uint16Array(1), 0)]).toEqual([1, -3])
})

test('the bytes are those of word_sums.wat', async () => {
  const wabt = await createWabt()
  const module = wabt.parseWat('word_sums.wat', readFileSync('src/math/word_sums.wat', 'utf8'), { simd: true })
  expect(Buffer.from(wordSums.bytes())).toEqual(Buffer.from(module.toBinary({}).buffer))
})
