import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countTokens } from '../../src/text/o200k.ts'
import { openTokenCounter, roughTokens, tokensAtMost } from '../../src/text/tokens.ts'

const count = await openTokenCounter()

// From OpenAI's cookbook, "How to count tokens with tiktoken".
test.each([
  ['antidisestablishmentarianism', 6],
  ['2 + 2 = 4', 7],
  ['お誕生日おめでとう', 8],
])('%j has as many tokens as OpenAI counts', (text, tokens) => {
  expect(count(text)).toBe(tokens)
})

test('a long text without long runs is counted as it stands', () => {
  const text = 'The quick brown fox, say 12,345 of them; "jumps"\n\n  over it.\n'.repeat(200)
  expect(count(text)).toBe(countTokens(text))
})

test('what looks like a special token is text', () => {
  expect(count('<|endoftext|>')).toBeGreaterThan(1)
  expect(count('')).toBe(0)
})

test('bytes bound tokens from above', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme', maxLength: 200 })), text => {
      expect(count(text)).toBeLessThanOrEqual(tokensAtMost(text))
    }),
  )
})

describe('a megabyte is counted in seconds, whatever it repeats', () => {
  test.each([
    ['letters', 'a'.repeat(1e6)],
    ['spaces', ' '.repeat(1e6)],
    ['signs', '!'.repeat(1e6)],
    ['ideographs', '中'.repeat(333_333)],
    ['emoji', '👍'.repeat(250_000)],
    ['both by turns', 'a!'.repeat(500_000)],
  ])('%s', (_, text) => {
    const start = performance.now()
    expect(count(text)).toBeGreaterThan(7000)
    expect(performance.now() - start).toBeLessThan(10_000)
  })
})

test('rough tokens', () => {
  expect([roughTokens(''), roughTokens('a'), roughTokens('abcde'), roughTokens('世界')]).toEqual([0, 1, 2, 2])
})
