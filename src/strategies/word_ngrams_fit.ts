import { quantizeRows } from '../math/quantized_rows.ts'
import { type SparseRows, selectSparseRows, solveRidge } from '../math/ridge.ts'
import { NGRAM_BITS, NGRAM_INDEXES, ngramIndex } from '../text/ngram_counts.ts'
import { PAIR } from '../text/ngrams.ts'
import { createVocabulary } from '../text/vocabulary.ts'
import { inverseDocumentFrequencies, KIND_WEIGHTS, RIDGE } from './linear_fit.ts'
import { type NgramTables, wordIndexes } from './word_ngrams.ts'

/** What n-grams say against kernels, which hold back less. */
const SHARE = 0.5

/**
 * Fits an expert of n-grams to each group of rows, as `linear` is fitted, with words taken for independent of each other
 * and without statistics.
 */
export function fitNgrams(
  prompts: readonly string[],
  groups: readonly Int32Array[],
  targets: Float64Array,
): { tables: NgramTables; intercepts: number[] } {
  const texts = readTexts(prompts)
  const { idf, idfScale } = inverseDocumentFrequencies(documentFrequencies(texts), prompts.length)
  const rows = rowsOf(texts, idf)
  const weights = new Float32Array(groups.length * NGRAM_INDEXES)
  const intercepts = groups.map((group, expert) => {
    const own = Float64Array.from(group, row => targets[row]!)
    const fitted = solveRidge(selectSparseRows(rows, group), own, NGRAM_INDEXES, new Uint8Array(group.length), RIDGE)
    const from = expert * NGRAM_INDEXES
    for (let j = 0; j < NGRAM_INDEXES; j++) weights[from + j] = fitted.weights[j]! * idf[j]! * (idfScale / 255)
    return SHARE * (fitted.intercept - own.reduce((sum, target) => sum + target, 0) / own.length)
  })
  const { codes, scales } = quantizeRows(weights, 1 << NGRAM_BITS)
  const kindWeights = KIND_WEIGHTS.map(weight => SHARE * weight)
  const experts = groups.length
  return { tables: { codes: transposed(codes, experts), scales, idf, idfScale, kindWeights, experts }, intercepts }
}

/** Prompts as numbers of words. */
interface Texts {
  /** By number of the word; see `wordIndexes`. */
  readonly indexes: readonly number[][]
  readonly prompts: readonly { words: Int32Array; frequencies: Float64Array; pairs: Int32Array }[]
}

function readTexts(prompts: readonly string[]): Texts {
  const indexes: number[][] = []
  const vocabulary = createVocabulary(Number.POSITIVE_INFINITY)
  vocabulary.onWord(word => indexes.push(wordIndexes(word)))
  return {
    indexes,
    prompts: prompts.map(prompt => {
      vocabulary.read(prompt)
      const { words, frequencies, wordCount, pairs, pairCount } = vocabulary
      return {
        words: words.slice(0, wordCount),
        frequencies: frequencies.slice(0, wordCount),
        pairs: pairs.slice(0, pairCount).map(hash => ngramIndex(hash, PAIR)),
      }
    }),
  }
}

/** In how many prompts each n-gram is found. */
function documentFrequencies({ indexes, prompts }: Texts): Int32Array {
  const found = new Int32Array(NGRAM_INDEXES)
  const lastSeen = new Int32Array(NGRAM_INDEXES).fill(-1)
  for (const [i, { words, pairs }] of prompts.entries()) {
    const see = (index: number) => {
      if (lastSeen[index] !== i) found[index]!++
      lastSeen[index] = i
    }
    for (const word of words) for (const index of indexes[word]!) see(index)
    for (const pair of pairs) see(pair)
  }
  return found
}

/** One row per prompt, each kind of n-gram brought to its length. */
function rowsOf({ indexes, prompts }: Texts, idf: Uint8Array): SparseRows {
  const values = new Float32Array(NGRAM_INDEXES)
  const rows = prompts.map(({ words, frequencies, pairs }) => {
    const squares = [0, 0, 0]
    const touched: number[] = []
    const add = (index: number, frequency: number) => {
      const value = frequency * idf[index]!
      if (value === 0) return
      if (values[index] === 0) touched.push(index)
      values[index]! += value
      squares[index >> NGRAM_BITS]! += value * value
    }
    for (const [i, word] of words.entries()) {
      for (const index of indexes[word]!) add(index, frequencies[i]!)
    }
    for (const pair of pairs) add(pair, 1)
    const scales = KIND_WEIGHTS.map((weight, kind) => weight / Math.sqrt(squares[kind]!))
    const row = {
      columns: Int32Array.from(touched),
      values: Float32Array.from(touched, index => values[index]! * scales[index >> NGRAM_BITS]!),
    }
    for (const index of touched) values[index] = 0
    return row
  })
  return joined(rows)
}

function joined(rows: readonly { columns: Int32Array; values: Float32Array }[]): SparseRows {
  const starts = new Int32Array(rows.length + 1)
  for (const [i, { columns }] of rows.entries()) starts[i + 1] = starts[i]! + columns.length
  const columns = new Int32Array(starts[rows.length]!)
  const values = new Float32Array(starts[rows.length]!)
  for (const [i, row] of rows.entries()) {
    columns.set(row.columns, starts[i]!)
    values.set(row.values, starts[i]!)
  }
  return { starts, columns, values }
}

/** From experts × indexes to indexes × experts: what is asked for together lies together. */
function transposed(codes: Int8Array, experts: number): Int8Array {
  const width = codes.length / experts
  return Int8Array.from(codes, (_, k) => codes[(k % experts) * width + Math.floor(k / experts)]!)
}
