import { expect, test } from 'vitest'
import { finalAnswer, finalNumber } from '../../src/text/final_answer.ts'

test.each([
  ['So \\boxed{\\frac{1}{2}} is it, not \\boxed{42}.', '42'],
  ['\\boxed{\\frac{1}{2}}', '\\frac{1}{2}'],
  ['48/2 = 24, and 24 + 48 = 72\n#### 72', '72'],
  ['The answer is 1,234.50.', '1234.5'],
  ['**Answer:** 7', '7'],
  ['Answer: $18', '18'],
  ['x = -3', '-3'],
  ['42 apples', '42'],
  ['50 %', '50'],
  ['The answer is (B).', 'b'],
  ['B) Paris', 'b'],
  ['(c)', 'c'],
  ['Option D', 'd'],
  ['  Paris! ', 'paris'],
  ['"The Eiffel Tower."', 'eiffel tower'],
  ['**Paris**', 'paris'],
  ['June 5', 'june 5'],
  ['A cat sat', 'cat sat'],
  ['x+1', 'x+1'],
  ['３', '3'],
  ['', ''],
])('%j comes down to %j', (text, expected) => {
  expect(finalAnswer(text)).toBe(expected)
})

test.each([
  ['First 3, then 5, so 8', 8],
  ['The answer is 12, since 3 * 4 = 12 and 5 > 4', 12],
  ['1,000,000', 1_000_000],
  ['-2.5e3', -2500],
  ['no number here', Number.NaN],
  ['v2 is out', Number.NaN],
])('%j comes to the number %d', (text, expected) => {
  expect(finalNumber(text)).toBe(expected)
})

test.each([
  ['spaces behind a minus', `-${' '.repeat(200_000)}! x`],
  ['spaces behind an equals sign', `x =${' '.repeat(200_000)}! x`],
  ['dots inside a word', `a${'.'.repeat(200_000)}a`],
  ['digits before a sign', `${'1'.repeat(100_000)}.${'1'.repeat(100_000)}!!`],
  ['spaces behind the word answer', `answer${' '.repeat(200_000)}x`],
])('an answer of 200,000 %s takes no longer than its length', (_, text) => {
  const started = performance.now()
  finalAnswer(text)
  finalNumber(text)
  expect(performance.now() - started).toBeLessThan(500)
})
