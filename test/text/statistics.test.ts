import fc from 'fast-check'
import { expect, test } from 'vitest'
import { promptHash } from '../../src/text/hash.ts'
import { promptStatistics, standardised, statisticNames } from '../../src/text/statistics.ts'

const of = (prompt: string, name: string) => promptStatistics(prompt)[statisticNames.indexOf(name)]!

test('counts and shares of a small prompt', () => {
  const prompt = 'Is 2+2=4?\nYes, it is (4).'
  expect(of(prompt, 'length')).toBeCloseTo(Math.log1p(prompt.length))
  expect(of(prompt, 'words')).toBeCloseTo(Math.log1p(8))
  expect(of(prompt, 'lines')).toBeCloseTo(Math.log1p(2))
  expect(of(prompt, 'longest line')).toBeCloseTo(Math.log1p(15))
  expect(of(prompt, 'digits')).toBeCloseTo(Math.log1p(4))
  expect(of(prompt, 'capitals')).toBeCloseTo(Math.log1p(2))
  expect(of(prompt, 'mathematical signs')).toBeCloseTo(Math.log1p(2))
  expect(of(prompt, 'code signs')).toBeCloseTo(Math.log1p(2))
  expect(of(prompt, 'question marks')).toBeCloseTo(Math.log1p(1))
  expect(of(prompt, 'commas')).toBeCloseTo(Math.log1p(1))
  expect(of(prompt, 'share of different words')).toBeCloseTo(5 / 8)
})

test('one finite number a name for any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), prompt => {
      const values = promptStatistics(prompt)
      expect(values).toHaveLength(statisticNames.length)
      expect(values.every(Number.isFinite)).toBe(true)
    }),
  )
})

test('standardised values stay within four deviations', () => {
  expect(standardised(3, 1, 2)).toBe(1)
  expect(standardised(1e9, 0, 1)).toBe(4)
  expect(standardised(-1e9, 0, 1)).toBe(-4)
})

test('prompts that differ in white space and case only have one hash', () => {
  expect(promptHash(' What  is\nRust? ')).toBe(promptHash('what is rust?'))
  expect(promptHash('what is rust?')).not.toBe(promptHash('what is rust'))
})

test.each([
  ['surrogates', '𝒳 and 𝒳 𝒴'],
  ['lower case that is longer', 'İ i̇ İstanbul'],
  ['lower case by its place', 'ΟΔΟΣ οδος'],
  ['other scripts', 'Да да, 漢字 ² ½ é É'],
])('words are those of Unicode: %s', (_, text) => {
  const words = text.match(/[\p{L}\p{N}]+/gu)!
  const values = Object.fromEntries(statisticNames.map((name, j) => [name, promptStatistics(text)[j]!]))
  expect(values.words).toBe(Math.log1p(words.length))
  expect(values['share of different words']).toBe(new Set(words.map(word => word.toLowerCase())).size / words.length)
})
