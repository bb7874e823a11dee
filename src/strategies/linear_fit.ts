import { DataError } from '../errors.ts'
import { type RidgeOptions, type SparseRows, solveRidge } from '../math/ridge.ts'
import { createNgramCounter, NGRAM_BITS, NGRAM_INDEXES, termFrequency } from '../text/ngram_counts.ts'
import { ngramKinds } from '../text/ngrams.ts'
import { promptStatistics, standardised, statisticMoments, statisticNames } from '../text/statistics.ts'
import type { Outcomes } from '../types.ts'

/** Share of each kind of n-gram in the length of a row. Chosen by five-fold cross-validation on MMLU and GSM8K outcomes; see checkpoints/README.md. */
export const KIND_WEIGHTS: readonly number[] = [0.7, 0.7, 1]
const STATISTIC_WEIGHT = 0.05
const IDF_POWER = 1.25
const LEAST_ROWS = 2
/** How n-grams are held back. Few iterations on purpose, as a second way; see `RidgeOptions`. */
export const RIDGE: RidgeOptions = { penalty: 16, iterations: 4 }

/** Weights of `linear`. The row of a prompt has one column per n-gram index, then one per statistic. */
export interface LinearWeights {
  /** Weight of each n-gram index, inverse document frequency included: NGRAM_INDEXES. */
  readonly weights: Float32Array
  /** Inverse document frequency of each index in 255ths of `idfScale`; 0 where too rare to count. */
  readonly idf: Uint8Array
  readonly idfScale: number
  /** Share of each kind of n-gram in the length of a row. */
  readonly kindWeights: readonly number[]
  /** Mean, standard deviation and weight of each statistic, 3 × statistics. */
  readonly statistics: Float64Array
  readonly intercept: number
}

/** Fits the weights of `linear` on the rows whose pair was measured. */
export function fitLinear(outcomes: Outcomes): LinearWeights {
  const rows = Array.from(outcomes.prompts.keys()).filter(
    row => !Number.isNaN(outcomes.strong[row]! - outcomes.weak[row]!),
  )
  if (rows.length === 0) {
    throw new DataError(
      'linear',
      undefined,
      'expected rows with scores of both models, got none. Name the pair with --strong and --weak.',
    )
  }
  const design = designLinear(rows.map(row => outcomes.prompts[row]!))
  const targets = Float64Array.from(rows, row => outcomes.strong[row]! - outcomes.weak[row]!)
  const sources = rows.map(row => outcomes.source[row]!)
  return solveLinear(design, design.rows, targets, sources)
}

/** Prompts as rows of a linear model, and what they were weighted by. */
interface LinearDesign extends Pick<LinearWeights, 'idf' | 'idfScale'> {
  readonly rows: SparseRows
  readonly means: readonly number[]
  readonly deviations: readonly number[]
}

/** Counts and weights the n-grams and statistics of prompts. */
function designLinear(prompts: readonly string[]): LinearDesign {
  const counted = countRows(prompts)
  const { idf, idfScale } = inverseDocumentFrequencies(documentFrequencies(counted), prompts.length)
  const statistics = prompts.map(promptStatistics)
  const { means, deviations } = statisticMoments(statistics)
  const values = statistics.map(row => row.map((value, j) => standardised(value, means[j]!, deviations[j]!)))
  return { rows: designOf(counted, idf, values), idf, idfScale, means, deviations }
}

/** The weights that fit `targets` on `rows`, all or some of those of the design, with an intercept per source. */
function solveLinear(
  { idf, idfScale, means, deviations }: LinearDesign,
  rows: SparseRows,
  targets: Float64Array,
  sources: readonly number[],
): LinearWeights {
  const width = NGRAM_INDEXES + statisticNames.length
  const { weights: solution, intercept } = solveRidge(rows, targets, width, sources, RIDGE)
  return {
    weights: Float32Array.from(idf, (value, index) => solution[index]! * value * (idfScale / 255)),
    idf,
    idfScale,
    kindWeights: KIND_WEIGHTS,
    statistics: Float64Array.from(
      means.flatMap((mean, i) => [mean, deviations[i]!, solution[NGRAM_INDEXES + i]! * STATISTIC_WEIGHT]),
    ),
    intercept,
  }
}

/** Raw counts of n-grams, as term frequencies. */
function countRows(prompts: readonly string[]): SparseRows {
  const counter = createNgramCounter()
  const starts = new Int32Array(prompts.length + 1)
  let columns = new Int32Array(1 << 20)
  let values = new Float32Array(1 << 20)
  for (const [i, prompt] of prompts.entries()) {
    const length = counter.count(prompt)
    const start = starts[i]!
    if (start + length > columns.length) {
      const capacity = Math.max(columns.length * 2, start + length)
      columns = grown(columns, new Int32Array(capacity))
      values = grown(values, new Float32Array(capacity))
    }
    columns.set(counter.indexes.subarray(0, length), start)
    for (let k = 0; k < length; k++) values[start + k] = termFrequency(counter.counts[k]!)
    starts[i + 1] = start + length
  }
  return { starts, columns, values }
}

function grown<T extends Int32Array | Float32Array>(from: T, to: T): T {
  to.set(from)
  return to
}

function documentFrequencies({ starts, columns }: SparseRows): Int32Array {
  const found = new Int32Array(NGRAM_INDEXES)
  for (let k = 0; k < starts[starts.length - 1]!; k++) found[columns[k]!]!++
  return found
}

/**
 * (ln((1 + rows) / (1 + df)) + 1)^1.25, in 255ths of `idfScale`; 0 for what fewer than two rows hold.
 * @param found by index, how many of the rows hold the n-gram
 */
export function inverseDocumentFrequencies(found: Int32Array, rows: number): Pick<LinearWeights, 'idf' | 'idfScale'> {
  const idfOf = (df: number) => (Math.log((1 + rows) / (1 + df)) + 1) ** IDF_POWER
  const idfScale = idfOf(LEAST_ROWS)
  return {
    idf: Uint8Array.from(found, df => (df < LEAST_ROWS ? 0 : Math.round((idfOf(df) / idfScale) * 255))),
    idfScale,
  }
}

/** One row per prompt: n-grams weighted by idf with each kind brought to its length, and statistics. */
function designOf(counted: SparseRows, idf: Uint8Array, statistics: readonly Float64Array[]): SparseRows {
  const entries = counted.starts[statistics.length]! + statistics.length * statisticNames.length
  const starts = new Int32Array(statistics.length + 1)
  const columns = new Int32Array(entries)
  const values = new Float32Array(entries)
  let end = 0
  const add = (column: number, value: number) => {
    columns[end] = column
    values[end++] = value
  }
  for (const [i, row] of statistics.entries()) {
    const squares = ngramKinds.map(() => 0)
    const start = end
    for (let k = counted.starts[i]!; k < counted.starts[i + 1]!; k++) {
      const column = counted.columns[k]!
      if (idf[column] === 0) continue
      const value = counted.values[k]! * idf[column]!
      squares[column >> NGRAM_BITS]! += value * value
      add(column, value)
    }
    const scales = squares.map((square, kind) => (square > 0 ? KIND_WEIGHTS[kind]! / Math.sqrt(square) : 0))
    for (let k = start; k < end; k++) values[k]! *= scales[columns[k]! >> NGRAM_BITS]!
    for (const [j, value] of row.entries()) add(NGRAM_INDEXES + j, STATISTIC_WEIGHT * value)
    starts[i + 1] = end
  }
  return { starts, columns, values }
}
