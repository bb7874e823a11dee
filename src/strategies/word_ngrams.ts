import { NGRAM_BITS, ngramIndex, termFrequency } from '../text/ngram_counts.ts'
import { CHARACTERS, ngramKinds, PAIR, visitNgrams, WORD } from '../text/ngrams.ts'
import { type Vocabulary, wordsOf } from '../text/vocabulary.ts'
import type { Checkpoint } from '../types.ts'
import { numberOption, numbersOption, tensorOf } from './checkpoint_parts.ts'

const KINDS = ngramKinds.length

/** What each n-gram of a word tells each expert, and how rare it is. */
export interface NgramTables {
  /** Weight of each n-gram in steps of its scale, idf included: indexes × experts. */
  readonly codes: Int8Array
  /** Of each expert and kind. */
  readonly scales: Float32Array
  /** Inverse document frequency of each index in 255ths of `idfScale`; 0 where too rare to count. */
  readonly idf: Uint8Array
  readonly idfScale: number
  /** What each kind of n-gram counts. */
  readonly kindWeights: readonly number[]
  readonly experts: number
}

/** The n-grams of a prompt, as experts hear them. */
export interface NgramScorer {
  /** What each expert expects by the n-grams of the prompt that the vocabulary has read. The same memory every time. */
  score(): Float64Array
  /** The same of any prompt, split by different words and pairs of words. */
  parts(prompt: string): { name: string; scores: Float64Array }[]
}

/** The tables in a checkpoint. Throws DataError where they do not fit. */
export function readNgramTables(checkpoint: Checkpoint, experts: number): NgramTables {
  return {
    codes: tensorOf(checkpoint, 'words', Int8Array, [KINDS, 1 << NGRAM_BITS, experts]),
    scales: tensorOf(checkpoint, 'word_scales', Float32Array, [experts, KINDS]),
    idf: tensorOf(checkpoint, 'idf', Uint8Array, [KINDS, 1 << NGRAM_BITS]),
    idfScale: numberOption(checkpoint, 'idfScale'),
    kindWeights: numbersOption(checkpoint, 'kindWeights', KINDS),
    experts,
  }
}

/** Places of a word and of its runs of characters among the n-grams, the word first. */
export function wordIndexes(word: string): number[] {
  const indexes: number[] = []
  visitNgrams(word, (hash, kind) => {
    if (kind !== PAIR) indexes.push(ngramIndex(hash, kind))
  })
  return indexes
}

/**
 * Scores prompts by the n-grams of `tables`. A prompt's length, to which each kind is brought, takes words for independent of each
 * other: what a word tells is then the same in every prompt, and is added up once.
 */
export function createNgramScorer(tables: NgramTables, vocabulary: Vocabulary): NgramScorer {
  const { codes, scales, idf, idfScale, kindWeights, experts } = tables
  /** Of a word: the sums of its own index, then those of its characters, and the squared length of both. */
  const width = 2 * experts + 2
  let known = new Float64Array(width << 10)
  vocabulary.onWord(learn)
  const sums = new Float64Array(KINDS * experts)
  const squares = new Float64Array(KINDS)
  const scores = new Float64Array(experts)

  function learn(word: string, number: number): void {
    const from = number * width
    if (from === known.length) {
      const larger = new Float64Array(known.length * 2)
      larger.set(known)
      known = larger
    }
    known.fill(0, from, from + width)
    for (const index of wordIndexes(word)) {
      const isWord = index >> NGRAM_BITS === WORD
      addCodes(known, from + (isWord ? 0 : experts), index)
      known[from + 2 * experts + (isWord ? 0 : 1)]! += idf[index]! ** 2
    }
  }

  function addCodes(to: Float64Array, at: number, index: number): void {
    const from = index * experts
    for (let expert = 0; expert < experts; expert++) to[at + expert]! += codes[from + expert]!
  }

  /** Adds a word that is said so often to what is summed. */
  function addWord(number: number, frequency: number, to: Float64Array, lengths: Float64Array): void {
    const from = number * width
    const characters = CHARACTERS * experts
    for (let expert = 0; expert < experts; expert++) {
      to[expert]! += frequency * known[from + expert]!
      to[characters + expert]! += frequency * known[from + experts + expert]!
    }
    lengths[WORD]! += frequency * frequency * known[from + 2 * experts]!
    lengths[CHARACTERS]! += frequency * frequency * known[from + 2 * experts + 1]!
  }

  function addPair(hash: number, to: Float64Array, lengths: Float64Array): void {
    const index = ngramIndex(hash, PAIR)
    const rarity = idf[index]!
    if (rarity === 0) return
    addCodes(to, PAIR * experts, index)
    lengths[PAIR]! += rarity * rarity
  }

  function addUp(): void {
    const { words, counts, wordCount, pairs, pairCount } = vocabulary
    sums.fill(0)
    squares.fill(0)
    for (let i = 0; i < wordCount; i++) addWord(words[i]!, termFrequency(counts[i]!), sums, squares)
    for (let i = 0; i < pairCount; i++) addPair(pairs[i]!, sums, squares)
  }

  /** Sums of codes as scores, at the length of the prompt that was read. */
  function scored(from: Float64Array, to: Float64Array): Float64Array {
    to.fill(0)
    for (const [kind, weight] of kindWeights.entries()) {
      if (squares[kind] === 0) continue
      const factor = weight / (Math.sqrt(squares[kind]!) * (idfScale / 255))
      for (let expert = 0; expert < experts; expert++) {
        to[expert]! += factor * scales[expert * KINDS + kind]! * from[kind * experts + expert]!
      }
    }
    return to
  }

  return {
    score() {
      addUp()
      return scored(sums, scores)
    },
    parts(prompt) {
      vocabulary.read(prompt)
      addUp()
      const { words, counts, pairs } = vocabulary
      const all = wordsOf(prompt)
      const unheard = new Float64Array(KINDS)
      const found = new Map<string, Float64Array>()
      for (const [i, word] of [...new Set(all)].entries()) {
        const own = new Float64Array(KINDS * experts)
        addWord(words[i]!, termFrequency(counts[i]!), own, unheard)
        found.set(`word "${word}"`, own)
      }
      for (let i = 0; i + 1 < all.length; i++) {
        const name = `pair "${all[i]} ${all[i + 1]}"`
        const own = found.get(name) ?? new Float64Array(KINDS * experts)
        addPair(pairs[i]!, own, unheard)
        found.set(name, own)
      }
      return Array.from(found, ([name, own]) => ({ name, scores: scored(own, new Float64Array(experts)) }))
    },
  }
}
