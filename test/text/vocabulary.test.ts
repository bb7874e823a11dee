import { expect, test } from 'vitest'
import { createVocabulary, type Vocabulary, wordsOf } from '../../src/text/vocabulary.ts'

function learned(capacity: number): { vocabulary: Vocabulary; words: string[] } {
  const vocabulary = createVocabulary(capacity)
  const words: string[] = []
  vocabulary.onWord(({ text, start, end }, number) => {
    words[number] = text.slice(start, end)
  })
  return { vocabulary, words }
}

function countsOf({ vocabulary, words }: ReturnType<typeof learned>, text: string): Record<string, number> {
  vocabulary.read(text)
  const numbers = [...vocabulary.words.subarray(0, vocabulary.wordCount)]
  return Object.fromEntries(
    numbers.map((number, i) => [words[number]!, Math.round(Math.exp(vocabulary.frequencies[i]! - 1))]),
  )
}

test('counts the different words of each text anew, whatever it has read before', () => {
  const reader = learned(100)
  expect(countsOf(reader, 'The cat saw the CAT.')).toEqual({ the: 2, cat: 2, saw: 1, '.': 1 })
  expect(countsOf(reader, 'a cat')).toEqual({ a: 1, cat: 1 })
  expect(countsOf(reader, '')).toEqual({})
  expect(reader.words).toEqual(['the', 'cat', 'saw', '.', 'a'])
})

test('neighbours are pairs; the same two words have the same hash', () => {
  const { vocabulary } = learned(100)
  vocabulary.read('one two one two')
  expect(vocabulary.pairCount).toBe(3)
  expect(vocabulary.pairs[0]).toBe(vocabulary.pairs[2])
  expect(vocabulary.pairs[0]).not.toBe(vocabulary.pairs[1])
})

test('forgets before a text, once it knows more words than it may, and never within one', () => {
  const reader = learned(2)
  expect(countsOf(reader, 'a b c a')).toEqual({ a: 2, b: 1, c: 1 })
  expect(countsOf(reader, 'c a')).toEqual({ c: 1, a: 1 })
  expect(reader.words.slice(0, 2)).toEqual(['c', 'a'])
})

test('reads texts of many words, and cuts words that do not end', () => {
  const reader = learned(100)
  const many = Array.from({ length: 20_000 }, (_, i) => `word${i}`)
  expect(Object.keys(countsOf(reader, `${many.join(' ')} word0`)).length).toBe(20_000)
  expect(wordsOf('A'.repeat(130)).map(({ length }) => length)).toEqual([64, 64, 2])
})
