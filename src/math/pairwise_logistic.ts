import { factorize, gramOf, solveFactorized } from './cholesky.ts'
import { sigmoid } from './probability.ts'

const MAX_ITERATIONS = 100
const TOLERANCE = 1e-5
/** A player known in this share of the rows may use the matrix of all of them: it bounds its own from above. */
const NEARLY_ALL = 0.9

/** What players earned on rows that are described by vectors. */
export interface PlayedRows {
  /** Row-major rows × width. */
  readonly vectors: Float32Array
  readonly width: number
  /** Row-major rows × players, 0..1, NaN where not known. */
  readonly scores: Float64Array
  readonly players: number
}

/**
 * Strengths that are linear in a row's vector, from comparisons of every two players known in a row:
 * P(i beats j) = σ(strength_i − strength_j), with ½ + ½ (score_i − score_j) as the target, so that a tie counts half
 * each way. The comparisons of a row of m players weigh 2/m each, one in all for a pair.
 *
 * Minimised by bounding the curvature (Böhning and Lindsay 1988): σ′ ≤ ¼ makes one matrix per player serve every step.
 * @param gram Σ x xᵀ over all rows, lower triangle.
 * @param penalties on half the squared weights, one per column, above 0.
 * @returns weights, row-major players × width.
 */
export function fitStrengths(rows: PlayedRows, gram: Float64Array, penalties: Float64Array): Float64Array {
  const { width, players } = rows
  const factors = factorsOf(rows, gram, penalties)
  const weights = new Float64Array(players * width)
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
    const gradient = gradientOf(rows, weights)
    let longest = 0
    for (let player = 0; player < players; player++) {
      const from = player * width
      const step = gradient.subarray(from, from + width)
      for (let j = 0; j < width; j++) step[j]! += penalties[j]! * weights[from + j]!
      solveFactorized(factors[player]!, width, step)
      for (let j = 0; j < width; j++) {
        weights[from + j]! -= step[j]!
        longest = Math.max(longest, Math.abs(step[j]!))
      }
    }
    if (longest < TOLERANCE) break
  }
  return weights
}

/** Per player, the factor of ½ Σ x xᵀ over the rows it is known in, plus the penalties. */
function factorsOf(
  { vectors, width, scores, players }: PlayedRows,
  gram: Float64Array,
  penalties: Float64Array,
): Float64Array[] {
  const factorOf = (sum: Float64Array) => {
    const matrix = sum.map(value => value / 2)
    for (let j = 0; j < width; j++) matrix[j * width + j]! += penalties[j]!
    factorize(matrix, width)
    return matrix
  }
  let shared: Float64Array | undefined
  const all = Int32Array.from({ length: scores.length / players }, (_, row) => row)
  return Array.from({ length: players }, (_, player) => {
    const known = all.filter(row => !Number.isNaN(scores[row * players + player]!))
    if (known.length < NEARLY_ALL * all.length) return factorOf(gramOf(vectors, width, known))
    shared ??= factorOf(gram)
    return shared
  })
}

function gradientOf({ vectors, width, scores, players }: PlayedRows, weights: Float64Array): Float64Array {
  const gradient = new Float64Array(players * width)
  const known = new Int32Array(players)
  const strengths = new Float64Array(players)
  const surplus = new Float64Array(players)
  for (let row = 0; row * players < scores.length; row++) {
    let count = 0
    for (let player = 0; player < players; player++) {
      if (Number.isNaN(scores[row * players + player]!)) continue
      strengths[player] = dotAt(weights, player * width, vectors, row * width, width)
      surplus[player] = 0
      known[count++] = player
    }
    for (let a = 1; a < count; a++) {
      const first = known[a]!
      for (let b = 0; b < a; b++) {
        const second = known[b]!
        const target = (1 + scores[row * players + first]! - scores[row * players + second]!) / 2
        const excess = (sigmoid(strengths[first]! - strengths[second]!) - target) * (2 / count)
        surplus[first]! += excess
        surplus[second]! -= excess
      }
    }
    if (count < 2) continue
    for (let k = 0; k < count; k++) {
      const start = known[k]! * width
      const factor = surplus[known[k]!]!
      for (let j = 0; j < width; j++) gradient[start + j]! += factor * vectors[row * width + j]!
    }
  }
  return gradient
}

/** Dot product of a run of weights and a run of a vector. */
export function dotAt(a: Float64Array, aStart: number, b: Float32Array, bStart: number, length: number): number {
  let sum = 0
  for (let j = 0; j < length; j++) sum += a[aStart + j]! * b[bStart + j]!
  return sum
}
