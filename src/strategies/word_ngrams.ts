import { createRowSum } from '../math/row_sum.ts'
import { createRowSums } from '../math/word_sums.ts'
import { NGRAM_BITS, ngramIndex } from '../text/ngram_counts.ts'
import { CHARACTERS, type CutWord, ngramKinds, PAIR, visitWord, WORD } from '../text/ngrams.ts'
import { type Vocabulary, wordsOf } from '../text/vocabulary.ts'
import type { Checkpoint } from '../types.ts'
import { numberOption, numbersOption, tensorOf } from './checkpoint_parts.ts'

const KINDS = ngramKinds.length
const PLACES = 1 << NGRAM_BITS
/** Pairs that are summed at once. */
const PAIRS = 512

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
export function wordIndexes(word: CutWord): number[] {
  const indexes: number[] = []
  visitWord(word, (hash, kind) => indexes.push(ngramIndex(hash, kind)))
  return indexes
}

/**
 * Scores prompts by the n-grams of `tables`. A prompt's length, to which each kind is brought, takes words for independent of each
 * other: what a word tells is then the same in every prompt, and is added up once.
 */
export function createNgramScorer(tables: NgramTables, vocabulary: Vocabulary): NgramScorer {
  const { codes, scales, idf, idfScale, kindWeights, experts } = tables
  /** Of a word: the sums of its own index, then those of its characters; at the end the squared length of both. */
  const row = new Float64Array(Math.ceil((2 * experts + 2) / 4) * 4)
  const known = createRowSums(row.length)
  vocabulary.onWord(learn)
  const pairCodes = codes.subarray((PAIR << NGRAM_BITS) * experts, ((PAIR + 1) << NGRAM_BITS) * experts)
  const pairIdf = idf.subarray(PAIR << NGRAM_BITS, (PAIR + 1) << NGRAM_BITS)
  const sumPairs = createRowSum({ codes: pairCodes, width: experts }, PAIRS)
  const places = new Int32Array(PAIRS)
  const sums = new Float64Array(KINDS * experts)
  const squares = new Float64Array(KINDS)
  const scores = new Float64Array(experts)

  function learn(word: CutWord, number: number): void {
    row.fill(0)
    visitWord(word, addNgram)
    known.set(number, row)
  }

  function addNgram(hash: number, kind: number): void {
    const index = ngramIndex(hash, kind)
    const from = index * experts
    const to = kind === WORD ? 0 : experts
    for (let expert = 0; expert < experts; expert++) row[to + expert]! += codes[from + expert]!
    row[row.length - (kind === WORD ? 2 : 1)]! += idf[index]! ** 2
  }

  /** Adds words that are said so often to what is summed. */
  function addWords(
    words: Int32Array,
    frequencies: Float64Array,
    count: number,
    to: Float64Array,
    lengths: Float64Array,
  ): void {
    const total = known.sum(words, frequencies, count)
    const characters = CHARACTERS * experts
    for (let expert = 0; expert < experts; expert++) {
      to[expert]! += total[expert]!
      to[characters + expert]! += total[experts + expert]!
    }
    lengths[WORD]! += total[row.length - 2]!
    lengths[CHARACTERS]! += total[row.length - 1]!
  }

  function addPairs(hashes: Int32Array, count: number, to: Float64Array, lengths: Float64Array): void {
    for (let start = 0; start < count; start += PAIRS) {
      const end = Math.min(count, start + PAIRS)
      let found = 0
      for (let i = start; i < end; i++) {
        const place = hashes[i]! & (PLACES - 1)
        const rarity = pairIdf[place]!
        if (rarity === 0) continue
        places[found++] = place
        lengths[PAIR]! += rarity * rarity
      }
      const total = sumPairs(places, found)
      for (let expert = 0; expert < experts; expert++) to[PAIR * experts + expert]! += total[expert]!
    }
  }

  function addUp(): void {
    const { words, frequencies, wordCount, pairs, pairCount } = vocabulary
    sums.fill(0)
    squares.fill(0)
    addWords(words, frequencies, wordCount, sums, squares)
    addPairs(pairs, pairCount, sums, squares)
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
      const { words, frequencies, pairs } = vocabulary
      const all = wordsOf(prompt)
      const unheard = new Float64Array(KINDS)
      const found = new Map<string, Float64Array>()
      for (const [i, word] of [...new Set(all)].entries()) {
        const own = new Float64Array(KINDS * experts)
        addWords(words.subarray(i), frequencies.subarray(i), 1, own, unheard)
        found.set(`word "${word}"`, own)
      }
      for (let i = 0; i + 1 < all.length; i++) {
        const name = `pair "${all[i]} ${all[i + 1]}"`
        const own = found.get(name) ?? new Float64Array(KINDS * experts)
        addPairs(pairs.subarray(i), 1, own, unheard)
        found.set(name, own)
      }
      return Array.from(found, ([name, own]) => ({ name, scores: scored(own, new Float64Array(experts)) }))
    },
  }
}
