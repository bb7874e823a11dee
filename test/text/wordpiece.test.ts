import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readWordPiece } from '../../src/io/wordpiece_files.ts'
import { createBertWords } from '../../src/text/bert_words.ts'
import { createWordPiece } from '../../src/text/wordpiece.ts'

// Made by checkpoints/recipes/bert/tiny.py: what the Python package `tokenizers` does with the same texts.
const cases = JSON.parse(readFileSync('test/fixtures/tiny_bert/expected.json', 'utf8')) as {
  text: string
  ids: number[]
}[]
const { encode, padding } = (await readWordPiece('test/fixtures/tiny_bert', 512))!

test.each(cases)('as the Python tokenizers: $text', ({ text, ids }) => {
  expect(encode(text)).toEqual(ids)
})

test('the cases hold what they are about', () => {
  const ids = new Set(cases.flatMap(({ ids: found }) => found))
  expect(ids.size).toBeGreaterThan(90)
  expect(cases.some(({ ids: found }) => found.length === 64)).toBe(true)
  expect(padding).toBe(0)
})

const vocabulary = new Map(
  ['[UNK]', '[CLS]', '[SEP]', 'a', '##b', '##bc', 'ab', '##é', 'É', ',', 'σ'].map((p, i) => [p, i]),
)
const plain = { lowercase: true, stripAccents: true, cleanText: true, separateIdeographs: true }
const rules = {
  ...{ vocabulary, reading: plain, prefix: '##', longestWord: 5, unknown: 0, first: 1, last: 2 },
  specials: new Map<string, number>(),
}

describe('createWordPiece', () => {
  const tokens = createWordPiece(rules)

  test('the longest piece first', () => {
    expect(tokens('abc abbc', 9)).toEqual([1, 0, 6, 5, 2])
  })

  test('a word without pieces, or longer than it may be, is one unknown token', () => {
    expect(tokens('a abx', 9)).toEqual([1, 3, 0, 2])
    expect(tokens('abbbb abbbbb', 9)).toEqual([1, 6, 4, 4, 4, 0, 2])
    expect(createWordPiece({ ...rules, longestWord: 2 })('😀😀 ab', 9)).toEqual([1, 0, 6, 2])
  })

  test('never more ids than asked for, and always the last one', () => {
    expect(tokens('a a a a', 4)).toEqual([1, 3, 3, 2])
    expect(tokens('abb', 3)).toEqual([1, 6, 2])
    expect(tokens('a', 2)).toEqual([1, 2])
    expect(tokens('', 2)).toEqual([1, 2])
  })

  test('special texts as they are written, never in another case', () => {
    const special = createWordPiece({ ...rules, specials: new Map([['[SEP]', 2]]) })
    expect(special('a[SEP]a', 9)).toEqual([1, 3, 2, 3, 2])
    expect(special('[sep]', 9)).toEqual([1, 0, 0, 0, 2])
    expect(special('a[SEP]a[SEP]', 4)).toEqual([1, 3, 2, 2])
  })

  test('case and accents stay where the model keeps them', () => {
    const cased = createWordPiece({ ...rules, reading: { ...plain, lowercase: false, stripAccents: false } })
    expect(cased('É aé', 9)).toEqual([1, 8, 3, 7, 2])
    expect(tokens('É', 9)).toEqual([1, 0, 2])
  })

  test('a megabyte, with spaces and without', () => {
    expect(tokens('ab c?'.repeat(210_000), 512)).toHaveLength(512)
    expect(tokens('x'.repeat(1 << 20), 512)).toEqual([1, 0, 2])
    expect(tokens(' '.repeat(1 << 20), 512)).toEqual([1, 2])
  })

  test('many different words do not fill the memory, and come out the same again', () => {
    const words = Array.from({ length: 30_000 }, (_, i) => `a${'b'.repeat(i % 4)},${i}`).join(' ')
    expect(tokens(words, 1e6)).toEqual(tokens(words, 1e6))
  })
})

describe('createBertWords', () => {
  const wordsOf = (text: string, reading = plain) => {
    const words: string[] = []
    createBertWords(reading)(text, word => {
      words.push(word)
      return words.length < 4
    })
    return words
  }

  test('stops where no more words are wanted, also between words and in punctuation', () => {
    expect(wordsOf('a b c d e')).toEqual(['a', 'b', 'c', 'd'])
    expect(wordsOf('a,,,,,')).toEqual(['a', ',', ',', ','])
  })

  test('a lone surrogate counts as a broken character: it is left out', () => {
    expect(wordsOf('a\ud83db')).toEqual(['ab'])
  })

  test('as the model reads: ideographs together, control characters kept', () => {
    expect(wordsOf('中文', { ...plain, separateIdeographs: false })).toEqual(['中文'])
    expect(wordsOf('中文')).toEqual(['中', '文'])
    expect(wordsOf('a\u0007b', { ...plain, cleanText: false })).toEqual(['a\u0007b'])
  })

  test('the last sigma of a word is one like any other', () => {
    expect(wordsOf('ΟΔΟΣ')).toEqual(['οδοσ'])
  })
})
