import { mix32 } from './hash.ts'
import { termFrequency } from './ngram_counts.ts'
import { type CutWord, pairHash } from './ngrams.ts'
import { createWordCutter } from './words.ts'

/** UTF-16 units of the longest word; a longer run of letters is several words. */
const LONGEST_WORD = 64

/** Words that what serves many prompts keeps in mind: those of most data sets, in some megabytes. */
export const KEPT_WORDS = 1 << 15

/** Reads one text after another, and knows again the words that it has read before. */
export interface Vocabulary {
  /** From now on calls `learn` with each word that is new, and its number. */
  onWord(learn: (word: CutWord, number: number) => void): void
  /** Reads a text; the other members then speak of it, until the next. */
  read(text: string): void
  /** Numbers of its different words, in the order of first sight: `wordCount` of them. */
  readonly words: Int32Array
  /** Term frequency of each of `words`. */
  readonly frequencies: Float64Array
  /** Hashes of each two neighbouring words: `pairCount` of them. */
  readonly pairs: Int32Array
  readonly wordCount: number
  readonly pairCount: number
}

/**
 * What the table holds of a word, side by side so that it takes one look into memory: its hash, its other hash, its number from
 * 1 (0 where nothing is), and its place in `words` where that is less than `wordCount` and names it.
 */
const [HASH, OTHER, NUMBER, PLACE] = [0, 1, 2, 3] as const
const ENTRY_BITS = 2

/**
 * An empty vocabulary. Words are as `createWordCutter` cuts them, lower-cased, and told apart by a hash of 64 bits.
 * @param capacity words after which it forgets all before the next text, and numbers anew from 0.
 */
export function createVocabulary(capacity: number): Vocabulary {
  const learners: ((word: CutWord, number: number) => void)[] = []
  const cutter = createWordCutter()
  /** A hash table with open addressing. */
  let table = new Int32Array(1 << 14)
  let size = 0
  let words = new Int32Array(1 << 10)
  let counts = new Int32Array(1 << 10)
  let frequencies = new Float64Array(1 << 10)
  let pairs = new Int32Array(1 << 10)
  let wordCount = 0
  let pairCount = 0

  /** Where the table has the word, or a free place for it. */
  function entryOf(hash: number, other: number): number {
    const mask = table.length - 1
    let entry = (mix32(hash) << ENTRY_BITS) & mask
    while (table[entry + NUMBER] !== 0 && (table[entry + HASH] !== hash || table[entry + OTHER] !== other)) {
      entry = (entry + (1 << ENTRY_BITS)) & mask
    }
    return entry
  }

  function learn(word: CutWord, other: number): void {
    if ((size + 1) * 2 > table.length >> ENTRY_BITS) enlarge()
    const entry = entryOf(word.hash, other)
    table[entry + HASH] = word.hash
    table[entry + OTHER] = other
    table[entry + NUMBER] = ++size
    table[entry + PLACE] = 0
    for (const each of learners) each(word, size - 1)
  }

  function enlarge(): void {
    const old = table
    table = new Int32Array(old.length * 2)
    for (let from = 0; from < old.length; from += 1 << ENTRY_BITS) {
      const entry = old.subarray(from, from + (1 << ENTRY_BITS))
      if (entry[NUMBER] !== 0) table.set(entry, entryOf(entry[HASH]!, entry[OTHER]!))
    }
  }

  /** Numbers the words that were cut from `lower`, and counts them. */
  function number(lower: string, count: number): void {
    const { hashes, others, starts, ends } = cutter
    let known = 0
    for (let i = 0; i < count; i++) {
      const hash = hashes[i]!
      const other = others[i]!
      let entry = entryOf(hash, other)
      if (table[entry + NUMBER] === 0) {
        learn({ text: lower, start: starts[i]!, end: ends[i]!, hash }, other)
        entry = entryOf(hash, other)
      }
      const number = table[entry + NUMBER]! - 1
      const place = table[entry + PLACE]!
      if (place < known && words[place] === number) counts[place]!++
      else {
        table[entry + PLACE] = known
        words[known] = number
        counts[known++] = 1
      }
    }
    for (let i = 0; i < known; i++) frequencies[i] = termFrequency(counts[i]!)
    wordCount = known
  }

  /** Makes room for the words of a long text. */
  function reserve(count: number): void {
    words = new Int32Array(count)
    counts = new Int32Array(count)
    frequencies = new Float64Array(count)
    pairs = new Int32Array(count)
  }

  function pair(count: number): void {
    const { hashes } = cutter
    for (let i = 1; i < count; i++) pairs[i - 1] = pairHash(hashes[i - 1]!, hashes[i]!)
    pairCount = Math.max(0, count - 1)
  }

  return {
    onWord(learn) {
      learners.push(learn)
    },
    read(text) {
      if (size > capacity) {
        table.fill(0)
        size = 0
      }
      const lower = text.toLowerCase()
      const count = cutter.cut(lower, LONGEST_WORD)
      if (count > words.length) reserve(count)
      number(lower, count)
      pair(count)
    },
    get words() {
      return words
    },
    get frequencies() {
      return frequencies
    },
    get pairs() {
      return pairs
    },
    get wordCount() {
      return wordCount
    },
    get pairCount() {
      return pairCount
    },
  }
}

/** The words of a text as a vocabulary reads them, repeats included. */
export function wordsOf(text: string): string[] {
  const lower = text.toLowerCase()
  const cutter = createWordCutter()
  const length = cutter.cut(lower, LONGEST_WORD)
  return Array.from({ length }, (_, i) => lower.slice(cutter.starts[i], cutter.ends[i]))
}
