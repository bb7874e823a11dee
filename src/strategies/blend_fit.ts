import { factorize, gramOf, solveFactorized } from '../math/cholesky.ts'
import { shuffledIndexes } from '../math/random.ts'
import { NGRAM_BITS } from '../text/ngram_counts.ts'
import { ngramKinds } from '../text/ngrams.ts'
import { statisticNames } from '../text/statistics.ts'
import type { Embedder, Tensor } from '../types.ts'
import { fitPromptFeatures, type PromptFeatures } from './prompt_features.ts'
import { fitNgrams } from './word_ngrams_fit.ts'

const LANDMARKS = 384
const PENALTY = 10
/** Gaussian noise of this variance on every number of a wording; see mf_fit.ts. More rows bear less detail of it. */
const WORDING_NOISE = 0.02
/** The kernel of shape is 10 wide on 3,200 rows and more, and wider on fewer, which tell less detail. */
const SHAPE_ROWS = 32_000
const [NARROWEST, WIDEST] = [10, 128]
/** What files have in common is held back as if there were as many rows again; see checkpoints/README.md. */
const COMMON_PENALTY = 1.5

/** Keeps a kernel between landmarks that are the same text invertible. */
const JITTER = 1e-3

/** Rows to learn from. */
export interface BlendRows {
  readonly prompts: readonly string[]
  /** What strong adds. */
  readonly targets: Float64Array
  /** Index of the source of each row: 0, 1, … without gaps. */
  readonly sources: readonly number[]
}

/** The options and tensors of a fitted blend. */
export interface BlendParts {
  readonly options: Record<string, number | readonly number[]>
  readonly tensors: Record<string, Tensor>
}

/** One column of weights over the features of a prompt. */
interface Column {
  readonly weights: Float64Array
  readonly intercept: number
}

/** Fits an expert per source, who is asked about which prompts, and what all sources have in common. */
export async function fitBlend(
  { prompts, targets, sources }: BlendRows,
  embedder: Embedder,
  seed: number,
): Promise<BlendParts> {
  const groups = Array.from({ length: Math.max(...sources) + 1 }, (_, source) =>
    Int32Array.from(prompts.keys()).filter(row => sources[row] === source),
  )
  const largest = Math.max(...groups.map(({ length }) => length))
  const shapeWidth = Math.max(NARROWEST, Math.min(WIDEST, SHAPE_ROWS / largest))
  const chosen = chooseLandmarks(groups, seed)
  const { features, tensors } = await fitPromptFeatures(prompts, embedder, chosen, shapeWidth)
  const rows = new Float32Array(prompts.length * features.width)
  await features.visit(prompts, (row, i) => rows.set(row, i * features.width))
  const sums = groups.map(group => sumsOf(rows, features.width, group, targets))
  const kernel = features.kernel()
  const ngrams = fitNgrams(prompts, groups, targets)
  const experts = sums.map((own, expert) => fitExpert(own, ngrams.intercepts[expert]!, features, kernel))
  const columns = [...experts, ...fitMemberships(sums, features, kernel), fitCommon(sums, features)]
  const mean = targets.reduce((sum, target) => sum + target, 0) / targets.length
  const { codes, scales, idf, idfScale, kindWeights } = ngrams.tables
  return {
    options: {
      experts: groups.length,
      shapeWidth,
      intercept: mean,
      intercepts: columns.map(({ intercept }) => intercept),
      idfScale,
      kindWeights,
    },
    tensors: {
      ...tensors,
      weights: {
        shape: [features.width, columns.length],
        data: Float32Array.from({ length: features.width * columns.length }, (_, k) => {
          return columns[k % columns.length]!.weights[Math.floor(k / columns.length)]!
        }),
      },
      words: {
        shape: [ngramKinds.length, 1 << NGRAM_BITS, groups.length],
        data: codes,
      },
      word_scales: { shape: [groups.length, ngramKinds.length], data: scales },
      idf: { shape: [ngramKinds.length, 1 << NGRAM_BITS], data: idf },
    },
  }
}

/** Random rows of every source, in proportion to the root of its size. */
function chooseLandmarks(groups: readonly Int32Array[], seed: number): Int32Array {
  const roots = groups.map(({ length }) => Math.sqrt(length))
  const total = roots.reduce((sum, root) => sum + root, 0)
  return Int32Array.from(
    groups.flatMap((group, source) => {
      const order = shuffledIndexes(group.length, seed)
      return Array.from(order.subarray(0, Math.ceil((LANDMARKS * roots[source]!) / total)), place => group[place]!)
    }),
  )
}

/** Sums over the rows of a source. */
interface Sums {
  readonly count: number
  readonly mean: Float64Array
  /** Lower triangle of Σ (x − mean)(x − mean)ᵀ, row-major width × width. */
  readonly scatter: Float64Array
  /** Σ (x − mean)(target − mean target). */
  readonly moment: Float64Array
}

function sumsOf(rows: Float32Array, width: number, group: Int32Array, targets: Float64Array): Sums {
  const scatter = gramOf(rows, width, group)
  const mean = new Float64Array(width)
  const moment = new Float64Array(width)
  const meanTarget = group.reduce((sum, row) => sum + targets[row]!, 0) / group.length
  for (const row of group) {
    const target = targets[row]! - meanTarget
    for (let j = 0; j < width; j++) {
      mean[j]! += rows[row * width + j]! / group.length
      moment[j]! += rows[row * width + j]! * target
    }
  }
  for (let i = 0; i < width; i++) {
    for (let j = 0; j <= i; j++) scatter[i * width + j]! -= group.length * mean[i]! * mean[j]!
  }
  return { count: group.length, mean, scatter, moment }
}

/** Kernel ridge regression on landmarks (Nyström; Williams and Seeger 2001) and wording. */
function fitExpert(
  { count, mean, scatter, moment }: Sums,
  intercept: number,
  features: PromptFeatures,
  kernel: Float64Array,
): Column {
  const inner = features.width - statisticNames.length
  const weights = new Float64Array(features.width)
  const kernelWeights = solvePenalized(scatter, moment, features, kernel, inner, count * WORDING_NOISE)
  weights.set(kernelWeights)
  return { weights, intercept: intercept - dot(kernelWeights, mean) }
}

/**
 * How much a prompt looks like one of each source: ridge regression of 1 or 0 on all features, each source counting with
 * the root of its size. A lone source has all prompts.
 */
function fitMemberships(sums: readonly Sums[], features: PromptFeatures, kernel: Float64Array): Column[] {
  const { width } = features
  if (sums.length === 1) return [{ weights: new Float64Array(width), intercept: 1 }]
  const rows = sums.reduce((sum, { count }) => sum + count, 0)
  const roots = sums.reduce((sum, { count }) => sum + Math.sqrt(count), 0)
  const shares = sums.map(({ count }) => (rows / roots) * Math.sqrt(count))
  const mean = new Float64Array(width)
  for (const [s, own] of sums.entries()) for (let j = 0; j < width; j++) mean[j]! += (shares[s]! / rows) * own.mean[j]!
  const scatter = new Float64Array(width * width)
  for (const [s, own] of sums.entries()) {
    for (let i = 0; i < width; i++) {
      const away = shares[s]! * (own.mean[i]! - mean[i]!)
      for (let j = 0; j <= i; j++) {
        const within = (shares[s]! / own.count) * own.scatter[i * width + j]!
        scatter[i * width + j]! += within + away * (own.mean[j]! - mean[j]!)
      }
    }
  }
  return sums.map((own, s) => {
    const moment = mean.map((value, j) => shares[s]! * (own.mean[j]! - value))
    const weights = solvePenalized(scatter, moment, features, kernel, width, PENALTY)
    return { weights, intercept: shares[s]! / rows - dot(weights, mean) }
  })
}

/** Ridge regression on the statistics alone, within sources; nothing where there is but one source. */
function fitCommon(sums: readonly Sums[], { width }: PromptFeatures): Column {
  const weights = new Float64Array(width)
  if (sums.length === 1) return { weights, intercept: 0 }
  const size = statisticNames.length
  const inner = width - size
  const matrix = new Float64Array(size * size)
  const right = new Float64Array(size)
  const mean = new Float64Array(width)
  const rows = sums.reduce((sum, { count }) => sum + count, 0)
  for (const own of sums) {
    for (let i = 0; i < size; i++) {
      right[i]! += own.moment[inner + i]!
      for (let j = 0; j <= i; j++) matrix[i * size + j]! += own.scatter[(inner + i) * width + inner + j]!
    }
    for (let j = 0; j < width; j++) mean[j]! += (own.count / rows) * own.mean[j]!
  }
  for (let i = 0; i < size; i++) matrix[i * size + i]! += COMMON_PENALTY * rows
  factorize(matrix, size)
  solveFactorized(matrix, size, right)
  weights.set(right, inner)
  return { weights, intercept: -dot(weights, mean) }
}

/**
 * The weights w of the first `size` features with (scatter + P) w = moment, where P is `PENALTY` · the kernel between
 * landmarks, and `penalty` for each other feature.
 */
function solvePenalized(
  scatter: Float64Array,
  moment: Float64Array,
  { width, landmarks }: PromptFeatures,
  kernel: Float64Array,
  size: number,
  penalty: number,
): Float64Array {
  const matrix = new Float64Array(size * size)
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      const held = i < landmarks ? PENALTY * kernel[i * landmarks + j]! : i === j ? penalty : 0
      matrix[i * size + j] = scatter[i * width + j]! + held
    }
    matrix[i * size + i]! += JITTER
  }
  const weights = moment.slice(0, size)
  factorize(matrix, size)
  solveFactorized(matrix, size, weights)
  return weights
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, j) => sum + value * b[j]!, 0)
}
