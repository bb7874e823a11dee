import { expect, test } from 'vitest'
import { didYouMean, lookUp, printable } from '../src/registry.ts'
import { strategies } from '../src/strategies/registry.ts'

const AVAILABLE = Object.keys(strategies).join(', ')

test('a known id gives its entry', () => {
  expect(lookUp(strategies, 'random', 'strategy')).toBe(strategies.random)
})

test.each([
  ['rand', `Unknown strategy "rand". Did you mean "random"? Available: ${AVAILABLE}.`],
  ['lienar', `Unknown strategy "lienar". Did you mean "linear"? Available: ${AVAILABLE}.`],
  ['zzzzzzzzzz', `Unknown strategy "zzzzzzzzzz". Available: ${AVAILABLE}.`],
  ['constructor', `Unknown strategy "constructor". Available: ${AVAILABLE}.`],
  ['__proto__', `Unknown strategy "__proto__". Available: ${AVAILABLE}.`],
])('%s is not found on the prototype or by half', (id, message) => {
  expect(() => lookUp(strategies, id, 'strategy')).toThrow(message)
})

test('ids match [a-z0-9_]+ and summaries are one line', () => {
  for (const [id, { summary }] of Object.entries(strategies)) {
    expect(id).toMatch(/^[a-z0-9_]+$/)
    expect(summary).toMatch(/^[^\n]+$/)
  }
})

test('the nearest name wins, whatever its case', () => {
  expect(didYouMean('GPT-4', ['gpt-3.5', 'gpt-4', 'claude'])).toBe(' Did you mean "gpt-4"?')
  expect(didYouMean('x', ['gpt-4'])).toBe('')
})

test('a name is printable whatever it holds', () => {
  expect(printable('a\u001b[31mb\n')).toBe('a\ufffd[31mb\ufffd')
  expect(printable('x'.repeat(1_000_000))).toBe(`${'x'.repeat(60)}…`)
})
