// Fits a text classifier (src/text/text_classifier.ts): a logistic regression on the vectors of the static embedder is folded
// into weights of words, which so know words that no training prompt has; another one on hashed wording adds to it.
import { readFileSync } from 'node:fs'
import { readEmbedderTable } from '../../../src/io/embedder_table.ts'
import { shuffledIndexes } from '../../../src/math/random.ts'
import { visitPieces } from '../../../src/text/pieces.ts'
import { wordingOf } from '../../../src/text/wording.ts'
import type { TensorFile } from '../../../src/types.ts'
import type { Labelled } from './sets.ts'

const WORD_PLACES = 1 << 15
const REST_PLACES = 1 << 15
const EPOCHS = 12
const RATE = 0.5
/** How far weights are held to where they start, and how much of the vectors' regression that is: chosen by `--measure`. */
const SETTINGS: Readonly<Record<string, { readonly penalty: number; readonly prior: number }>> = {
  task_type: { penalty: 1e-5, prior: 0 },
  topic: { penalty: 3e-4, prior: 0.25 },
}
const PIECES = 256

/** Rows of numbers of a linear model: those of one row are `values` at `columns`. */
interface Sparse {
  readonly columns: Int32Array
  readonly values: Float64Array
}

const table = await readEmbedderTable('static')
const slots = table.tensors.slots!.data as Int32Array
const codes = table.tensors.codes!.data as Int8Array
const steps = table.tensors.scales!.data as Float32Array
const dimensions = table.tensors.codes!.shape[1]!
const vocabulary = Object.keys(
  (JSON.parse(readFileSync('checkpoints/bert/tokenizer.json', 'utf8')) as { model: { vocab: Record<string, number> } }).model.vocab,
).filter(word => /^\p{L}{2,}$/u.test(word))

/** Weights for `labels`, in 8 bits. Deterministic. */
export function fitClassifier(rows: readonly Labelled[], labels: readonly string[], id: string): TensorFile {
  const width = labels.length
  const { penalty, prior } = SETTINGS[id]!
  const targets = rows.map(({ label }) => labels.indexOf(label))
  if (targets.includes(-1)) throw new Error(`unknown label ${rows[targets.indexOf(-1)]!.label}`)
  const totals = new Float64Array(width)
  for (const [i, target] of targets.entries()) totals[target]! += rows[i]!.weight
  const mean = totals.reduce((sum, total) => sum + total, 0) / width
  const counts = targets.map((target, i) => rows[i]!.weight * Math.min(4, Math.max(0.25, mean / totals[target]!)))

  const vectors = rows.map(({ prompt }) => vectorOf(prompt))
  const lengths = vectors.map(vector => Math.hypot(...vector) || 1)
  const every = Int32Array.from({ length: dimensions }, (_, j) => j)
  const dense = vectors.map((vector, i): Sparse => ({ columns: every, values: vector.map(value => value / lengths[i]!) }))
  const meaning = logistic(dense, targets, counts, { inputs: dimensions, width, penalty: 1e-6, rate: 0.5 })

  const wording = rows.map(({ prompt }) => placesOf(prompt))
  const inputs = WORD_PLACES + REST_PLACES
  const scale = wording.reduce((sum, { columns }, i) => sum + Math.sqrt(columns.length) / lengths[i]!, 0) / rows.length
  const start = new Float64Array(inputs * width)
  for (const word of new Set([...vocabulary, ...rows.flatMap(({ prompt }) => prompt.toLowerCase().match(/\p{L}+/gu) ?? [])])) {
    const place = placesOf(word).columns.find(column => column < WORD_PLACES)
    if (place === undefined) continue
    const vector = vectorOf(word)
    for (let k = 0; k < width; k++) {
      let sum = 0
      for (let j = 0; j < dimensions; j++) sum += vector[j]! * meaning.weights[j * width + k]!
      start[place * width + k]! += prior * scale * sum
    }
  }
  const { weights, biases } = logistic(wording, targets, counts, { inputs, width, penalty, rate: RATE, start })
  const scales = Float32Array.from({ length: width }, (_, k) => {
    let largest = 0
    for (let place = 0; place < inputs; place++) largest = Math.max(largest, Math.abs(weights[place * width + k]!))
    return largest / 127
  })
  const all = Int8Array.from(weights, (value, at) => Math.round(value / scales[at % width]!))
  const split = WORD_PLACES * width
  return {
    file: id,
    metadata: { format: 'llmroute', classifier: id, labels: labels.join(' '), prompts: String(rows.length) },
    tensors: {
      words: { shape: [WORD_PLACES, width], data: all.slice(0, split) },
      rest: { shape: [REST_PLACES, width], data: all.slice(split) },
      scales: { shape: [width], data: scales },
      biases: { shape: [width], data: Float32Array.from(biases) },
    },
  }
}

/** The sum of a text's rows in the table, not brought to unit length. */
function vectorOf(text: string): Float64Array {
  const sum = new Float64Array(dimensions)
  visitPieces(text, slots, PIECES, piece => {
    for (let j = 0; j < dimensions; j++) sum[j]! += steps[piece]! * codes[piece * dimensions + j]!
  })
  return sum
}

function placesOf(prompt: string): Sparse {
  const found = new Set<number>()
  const { hashes, isWord, count } = wordingOf(prompt)
  for (let i = 0; i < count; i++) {
    found.add(isWord[i] === 1 ? hashes[i]! & (WORD_PLACES - 1) : WORD_PLACES + (hashes[i]! & (REST_PLACES - 1)))
  }
  return { columns: Int32Array.from(found), values: new Float64Array(found.size).fill(1 / Math.sqrt(found.size)) }
}

interface LogisticOptions {
  readonly inputs: number
  readonly width: number
  readonly penalty: number
  readonly rate: number
  /** Row-major inputs × width: what the weights are drawn to, in place of 0. */
  readonly start?: Float64Array
}

/** Multinomial logistic regression by AdaGrad. */
function logistic(
  rows: readonly Sparse[],
  targets: readonly number[],
  counts: readonly number[],
  { inputs, width, penalty, rate, start }: LogisticOptions,
): { weights: Float64Array; biases: Float64Array } {
  const weights = start ? start.slice() : new Float64Array(inputs * width)
  const squares = new Float64Array(inputs * width).fill(0.01)
  const biases = new Float64Array(width)
  const p = new Float64Array(width)
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    for (const row of shuffledIndexes(rows.length, epoch)) {
      const { columns, values } = rows[row]!
      p.set(biases)
      for (let i = 0; i < columns.length; i++)
        for (let k = 0; k < width; k++) p[k]! += weights[columns[i]! * width + k]! * values[i]!
      const largest = Math.max(...p)
      let sum = 0
      for (let k = 0; k < width; k++) sum += p[k] = Math.exp(p[k]! - largest)
      for (let k = 0; k < width; k++) {
        const error = (p[k]! / sum - (k === targets[row] ? 1 : 0)) * counts[row]!
        biases[k]! -= 0.002 * error
        for (let i = 0; i < columns.length; i++) {
          const at = columns[i]! * width + k
          const gradient = error * values[i]! + penalty * (weights[at]! - (start?.[at] ?? 0))
          squares[at]! += gradient * gradient
          weights[at]! -= (rate * gradient) / Math.sqrt(squares[at]!)
        }
      }
    }
  }
  return { weights, biases }
}
