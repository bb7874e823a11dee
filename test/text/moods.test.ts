import { readFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'
import { describe, expect, test } from 'vitest'
import { complexityOf } from '../../src/text/complexity.ts'
import { sensitivitiesOf } from '../../src/text/sensitive.ts'
import { sentimentOf, sentimentScore } from '../../src/text/sentiment.ts'

const rows = parse(readFileSync('datasets/moods.csv'), { columns: true }) as Record<string, string>[]

describe('sentiment', () => {
  test('agrees with the file on nine texts in ten', () => {
    const hits = rows.filter(row => sentimentOf(row.text!) === row.sentiment).length
    expect(hits / rows.length).toBeGreaterThan(0.9)
  })

  test('negation turns it round, a booster makes it stronger', () => {
    expect(sentimentScore('I love it')).toBeGreaterThan(0)
    expect(sentimentScore('I do not love it')).toBeLessThan(0)
    expect(sentimentScore('it is really awful')).toBeLessThan(sentimentScore('it is just awful'))
  })

  test('0 where there is nothing to go by', () => {
    for (const text of ['', '42', 'Das ist schön']) expect(sentimentScore(text)).toBe(0)
    expect(sentimentOf('Write a function that kills a process')).toBe('neutral')
  })
})

describe('sensitive', () => {
  test('agrees with the file but for suicide as the theme of a play', () => {
    const wrong = rows.filter(row => sensitivitiesOf(row.text!).join(' ') !== row.sensitive)
    expect(wrong.map(row => row.text)).toEqual(['Why is suicide a theme in Romeo and Juliet?'])
  })

  test('checksums decide about cards and accounts', () => {
    expect(sensitivitiesOf('4111 1111 1111 1111')).toEqual(['personal_data'])
    expect(sensitivitiesOf('4111 1111 1111 1112')).toEqual([])
    expect(sensitivitiesOf('GB82 WEST 1234 5698 7654 32')).toEqual(['personal_data'])
    expect(sensitivitiesOf('DE89 3704 0044 0532 0130 00')).toEqual(['personal_data'])
    expect(sensitivitiesOf('DE88 3704 0044 0532 0130 00')).toEqual([])
  })

  test('at the end of a long text too, in linear time', () => {
    const start = performance.now()
    expect(sensitivitiesOf(`${'a1 @ 22 ( '.repeat(20_000)} write to a.b@example.com`)).toEqual(['personal_data'])
    expect(sensitivitiesOf('1'.repeat(200_000))).toEqual([])
    expect(sensitivitiesOf('x@'.repeat(100_000))).toEqual([])
    expect(performance.now() - start).toBeLessThan(3000)
  })
})

describe('complexity', () => {
  test('in 0..1, 0 for nothing', () => {
    for (const text of ['', 'hi', 'x'.repeat(1 << 20), 'must '.repeat(5000), '{}();'.repeat(5000)]) {
      expect(complexityOf(text)).toBeGreaterThanOrEqual(0)
      expect(complexityOf(text)).toBeLessThanOrEqual(1)
    }
    expect(complexityOf('')).toBe(0)
  })

  test('grows with length, clauses, constraints, signs, steps and demands', () => {
    const plain = 'Tell me about the river'
    for (const more of [
      `${plain} and the towns that lie on its banks from the spring to the sea and all their harbours`,
      `${plain}, its fish, its bridges, its floods`,
      `${plain}, exactly and only, without maps, at least`,
      `${plain} f(x) = 2x + [3]`,
      `${plain}? Why? And then? First its name?`,
      `Analyse and compare: ${plain}`,
    ])
      expect(complexityOf(more)).toBeGreaterThan(complexityOf(plain))
  })

  test('is counted as its table says', () => {
    // Two words, a demand: 0.25 · (1 − 2^(−2/40)) + 0.2 · (1 − 2^(−1/0.5))
    expect(complexityOf('prove it')).toBeCloseTo(0.25 * (1 - 2 ** (-2 / 40)) + 0.2 * 0.75, 12)
  })
})
