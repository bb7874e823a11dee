import { mix32 } from './hash.ts'
import { pairHash, visitWords } from './ngrams.ts'

/** UTF-16 units of the longest word; a longer run of letters is several words. */
const LONGEST_WORD = 64

/** Words that what serves many prompts keeps in mind: those of most data sets, in some megabytes. */
export const KEPT_WORDS = 1 << 15

/** Reads one text after another, and knows again the words that it has read before. */
export interface Vocabulary {
  /** From now on calls `learn` with each word that is new, and its number. */
  onWord(learn: (word: string, number: number) => void): void
  /** Reads a text; the other members then speak of it, until the next. */
  read(text: string): void
  /** Numbers of its different words, in the order of first sight: `wordCount` of them. */
  readonly words: Int32Array
  /** How often it says each of `words`. */
  readonly counts: Int32Array
  /** Hashes of each two neighbouring words: `pairCount` of them. */
  readonly pairs: Int32Array
  readonly wordCount: number
  readonly pairCount: number
}

/**
 * An empty vocabulary. Words are as `visitWords` cuts them, lower-cased, and told apart by a hash of 64 bits.
 * @param capacity words after which it forgets all before the next text, and numbers anew from 0.
 */
export function createVocabulary(capacity: number): Vocabulary {
  const learners: ((word: string, number: number) => void)[] = []
  /** A hash table with open addressing: number of a word + 1, 0 where free. */
  let slots = new Int32Array(1 << 12)
  let hashes = new Int32Array(1 << 12)
  let otherHashes = new Int32Array(1 << 12)
  let size = 0
  /** By number of the word: its place in `words`, where that is less than `wordCount` and names it. */
  let places = new Int32Array(1 << 12)
  let words = new Int32Array(1 << 10)
  let counts = new Int32Array(1 << 10)
  let pairs = new Int32Array(1 << 10)
  let wordCount = 0
  let pairCount = 0
  let lower = ''
  let previous = 0

  function visit(hash: number, start: number, end: number): void {
    const number = numberOf(hash, start, end)
    const place = places[number]!
    if (place < wordCount && words[place] === number) counts[place]!++
    else {
      if (wordCount === words.length) [words, counts] = [grown(words), grown(counts)]
      places[number] = wordCount
      words[wordCount] = number
      counts[wordCount++] = 1
    }
    if (previous !== 0) {
      if (pairCount === pairs.length) pairs = grown(pairs)
      pairs[pairCount++] = pairHash(previous, hash)
    }
    previous = hash
  }

  function numberOf(hash: number, start: number, end: number): number {
    let other = end - start
    for (let i = start; i < end; i++) other = Math.imul(other, 31) + lower.charCodeAt(i)
    other |= 0
    let slot = slotOf(hash)
    while (slots[slot] !== 0) {
      const number = slots[slot]! - 1
      if (hashes[number] === hash && otherHashes[number] === other) return number
      slot = (slot + 1) & (slots.length - 1)
    }
    const number = size++
    if (number === hashes.length) [hashes, otherHashes, places] = [grown(hashes), grown(otherHashes), grown(places)]
    hashes[number] = hash
    otherHashes[number] = other
    places[number] = 0
    slots[slot] = size
    if (size * 2 > slots.length) rehash()
    const word = lower.slice(start, end)
    for (const learn of learners) learn(word, number)
    return number
  }

  function slotOf(hash: number): number {
    return mix32(hash) & (slots.length - 1)
  }

  function rehash(): void {
    slots = new Int32Array(slots.length * 2)
    for (let number = 0; number < size; number++) {
      let slot = slotOf(hashes[number]!)
      while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1)
      slots[slot] = number + 1
    }
  }

  return {
    onWord(learn) {
      learners.push(learn)
    },
    read(text) {
      if (size > capacity) {
        slots.fill(0)
        size = 0
      }
      wordCount = 0
      pairCount = 0
      previous = 0
      lower = text.toLowerCase()
      visitWords(lower, LONGEST_WORD, visit)
      lower = ''
    },
    get words() {
      return words
    },
    get counts() {
      return counts
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
  const words: string[] = []
  visitWords(lower, LONGEST_WORD, (_, start, end) => words.push(lower.slice(start, end)))
  return words
}

function grown(from: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const to = new Int32Array(from.length * 2)
  to.set(from)
  return to
}
