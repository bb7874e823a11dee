import { DataError } from '../errors.ts'
import type { TensorFile } from '../types.ts'
import { wordingOf } from './wording.ts'

/** Tells classes of texts apart by their wording. */
export interface TextClassifier {
  readonly labels: readonly string[]
  /** Probabilities of the labels, in their order; the array is used again by the next call. */
  probabilities(text: string): Float64Array
  /** The place of the most probable label. */
  best(text: string): number
}

const opened = new WeakMap<TensorFile, TextClassifier>()

/**
 * The classifier that weights of checkpoints/classifiers hold: multinomial logistic regression on hashed wording, one 8-bit
 * weight per place and label; words as such have places of their own. Made once per file. Throws DataError where the weights are not those of such a classifier.
 */
export function textClassifier(weights: TensorFile): TextClassifier {
  const known = opened.get(weights)
  if (known) return known
  const made = createTextClassifier(weights)
  opened.set(weights, made)
  return made
}

function createTextClassifier(weights: TensorFile): TextClassifier {
  const { words, rest, scales, biases, labels } = readWeights(weights)
  const width = labels.length
  const wordPlaces = words.length / width
  const restPlaces = rest.length / width
  const seen = new Uint32Array(wordPlaces + restPlaces)
  const sums = new Float64Array(width)
  let text = 0
  /** Fills `sums` with logits. */
  const score = (prompt: string) => {
    const { hashes, isWord, count } = wordingOf(prompt)
    sums.fill(0)
    text = (text + 1) >>> 0 || 1
    let different = 0
    for (let i = 0; i < count; i++) {
      const isOfWord = isWord[i] === 1
      const codes = isOfWord ? words : rest
      const place = hashes[i]! & ((isOfWord ? wordPlaces : restPlaces) - 1)
      const mark = isOfWord ? place : wordPlaces + place
      if (seen[mark] === text) continue
      seen[mark] = text
      different++
      for (let label = 0, at = place * width; label < width; label++, at++) sums[label]! += codes[at]!
    }
    const length = Math.sqrt(different)
    for (let label = 0; label < width; label++) sums[label] = (sums[label]! * scales[label]!) / length + biases[label]!
  }
  return {
    labels,
    probabilities(prompt) {
      score(prompt)
      const largest = Math.max(...sums)
      let total = 0
      for (let label = 0; label < width; label++) total += sums[label] = Math.exp(sums[label]! - largest)
      for (let label = 0; label < width; label++) sums[label]! /= total
      return sums
    },
    best(prompt) {
      score(prompt)
      let best = 0
      for (let label = 1; label < width; label++) if (sums[label]! > sums[best]!) best = label
      return best
    },
  }
}

interface ClassifierWeights {
  /** Row-major places × labels; numbers of places are powers of 2. */
  readonly words: Int8Array
  readonly rest: Int8Array
  /** One per label: what a step of a code is worth. */
  readonly scales: Float32Array
  readonly biases: Float32Array
  readonly labels: readonly string[]
}

function readWeights({ file, tensors, metadata }: TensorFile): ClassifierWeights {
  const { words, rest, scales, biases } = Object.fromEntries(
    Object.entries(tensors).map(([name, { data }]) => [name, data]),
  )
  const labels = (metadata.labels ?? '').split(' ')
  const isTable = (data: unknown): data is Int8Array =>
    data instanceof Int8Array && Number.isInteger(Math.log2(data.length / labels.length))
  const isRow = (data: unknown): data is Float32Array => data instanceof Float32Array && data.length === labels.length
  if (isTable(words) && isTable(rest) && isRow(scales) && isRow(biases)) return { words, rest, scales, biases, labels }
  throw new DataError(file, undefined, 'expected the weights of a text classifier, got others. Install llmroute again.')
}
