import { expect, test } from 'vitest'
import { createNgramCounter, NGRAM_INDEXES } from '../../src/text/ngram_counts.ts'
import { ngramKinds, visitNgrams } from '../../src/text/ngrams.ts'

function ngramsOf(text: string, kind: string): string[] {
  const found: string[] = []
  const lower = text.toLowerCase()
  visitNgrams(text, (_, number, start, end) => {
    if (ngramKinds[number] === kind) found.push(lower.slice(Math.max(0, start), end))
  })
  return found
}

test('words are runs of letters and digits of any script; other characters stand alone', () => {
  expect(ngramsOf('Is x²=4? Да, 漢字!', 'word')).toEqual(['is', 'x', '²', '=', '4', '?', 'да', ',', '漢字', '!'])
})

test('pairs are neighbouring words, whatever lies between', () => {
  expect(ngramsOf('one  two\nthree', 'pair')).toEqual(['one  two', 'two\nthree'])
})

test('characters run within a padded word', () => {
  expect(ngramsOf('ab', 'characters')).toEqual(['ab', 'ab', 'ab'])
  let count = 0
  visitNgrams('abcd', (_, kind) => {
    if (kind === 2) count++
  })
  expect(count).toBe(4 + 3 + 2)
})

test('the same n-gram has the same hash wherever it stands, and case does not matter', () => {
  const hashesOf = (text: string) => {
    const hashes = new Map<string, Set<number>>()
    visitNgrams(text, (hash, kind, start, end) => {
      const name = `${kind} ${text.toLowerCase().slice(start, end)}`
      hashes.set(name, (hashes.get(name) ?? new Set()).add(hash))
    })
    return hashes
  }
  const first = hashesOf('prove that prove')
  const second = hashesOf('Please PROVE')
  expect(first.get('0 prove')!.size).toBe(1)
  expect([...second.get('0 prove')!]).toEqual([...first.get('0 prove')!])
})

test('a counter starts anew with each text', () => {
  const counter = createNgramCounter()
  const length = counter.count('a b a')
  const total = counter.counts.subarray(0, length).reduce((sum, count) => sum + count, 0)
  expect(total).toBe(3 + 2 + 3)
  expect(counter.count('')).toBe(0)
  const again = counter.count('a b a')
  expect(counter.counts.subarray(0, again).reduce((sum, count) => sum + count, 0)).toBe(total)
  expect(Math.max(...counter.indexes.subarray(0, again))).toBeLessThan(NGRAM_INDEXES)
})

test.each([
  ['lone surrogate', '\ud800'],
  ['emoji', '🙂'],
  ['blanks', ' \n\t\u3000'],
  ['NUL', '\0'],
])('%s', (_, text) => {
  expect(() => visitNgrams(text, () => {})).not.toThrow()
})
