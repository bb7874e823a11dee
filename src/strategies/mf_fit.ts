import { gramOf } from '../math/cholesky.ts'
import { factorizeWeights } from '../math/low_rank.ts'
import { dotAt, fitStrengths, type PlayedRows } from '../math/pairwise_logistic.ts'
import { fitScoreLevels, type ScoreLevels } from '../math/score_levels.ts'
import type { Outcomes } from '../types.ts'

/**
 * RouteLLM trains with Gaussian noise of standard deviation 0.1 on every coordinate of the embedding. To second order
 * that is this penalty on squared weights (Bishop 1995), rows × 0.1², without the noise; cross-validation agrees with it.
 */
const NOISE_VARIANCE = 0.01
/** Small enough to leave the intercepts all but free. */
const INTERCEPT_PENALTY = 1e-3
/** Rank of what distinguishes the models. More only fits noise, with 28 models as well. */
const RANK = 8
/** Steps to a common scale: enough for sources that share one model of thirty. */
const ALIGNMENTS = 500

/** Weights in RouteLLM's form, δ(m) = w · (P_m/‖P_m‖ ∘ W x) + bias_m, and what turns δ into a score. */
export interface MfWeights {
  readonly hidden: number
  /** Row-major models × hidden. */
  readonly P: Float32Array
  /** Row-major hidden × width. */
  readonly W: Float32Array
  readonly w: Float32Array
  /** One per model. */
  readonly bias: Float32Array
  /** Expected score = σ(qualityScale · δ(m) + qualityBias_m). */
  readonly qualityScale: number
  readonly qualityBias: Float32Array
}

/**
 * Fits by maximum likelihood on all comparisons within rows, then factorises. Each source has an intercept per model of
 * its own; what is kept is one per model, on a scale common to the sources that share models.
 * @param vectors row-major rows × width, one per row of `outcomes`.
 */
export function fitMf(outcomes: Outcomes, vectors: Float32Array, width: number): MfWeights {
  const models = outcomes.models.length
  const rows: PlayedRows = { vectors, width, scores: outcomes.scores, players: models }
  const all = Int32Array.from(outcomes.prompts.keys())
  const penalty = (Math.max(1, all.length) * NOISE_VARIANCE) / 2
  const { weights, bias, gram } = fitWithSources(outcomes, rows, all, penalty)
  const { left, right, rank } = factorizeWeights(weights, gram, models, width, RANK)
  const strengths = strengthsOf(left, right, rank, bias, rows)
  const levels = fitScoreLevels(rows, strengths, gram, (penalty * models) / 2)
  return inRouteLlmForm({ left, right, rank, bias, levels }, models, width)
}

/** Strengths with one more column per source, split into weights, mean intercepts and the products of the columns proper. */
function fitWithSources(
  outcomes: Outcomes,
  { vectors, width, scores, players }: PlayedRows,
  all: Int32Array,
  penalty: number,
) {
  const sources = outcomes.sources.length
  const wide = width + sources
  const extended = new Float32Array(all.length * wide)
  for (const row of all) {
    extended.set(vectors.subarray(row * width, (row + 1) * width), row * wide)
    extended[row * wide + width + outcomes.source[row]!] = 1
  }
  const penalties = new Float64Array(wide).fill(penalty).fill(INTERCEPT_PENALTY, width)
  const wideGram = gramOf(extended, wide, all)
  const fitted = fitStrengths({ vectors: extended, width: wide, scores, players }, wideGram, penalties)
  const weights = new Float64Array(players * width)
  const intercepts = new Float64Array(players * sources)
  const counts = new Float64Array(players * sources)
  for (let player = 0; player < players; player++) {
    weights.set(fitted.subarray(player * wide, player * wide + width), player * width)
    intercepts.set(fitted.subarray(player * wide + width, (player + 1) * wide), player * sources)
    for (const row of all) {
      if (!Number.isNaN(scores[row * players + player]!)) counts[player * sources + outcomes.source[row]!]!++
    }
  }
  const bias = commonIntercepts(intercepts, counts, players, sources)
  const gram = new Float64Array(width * width)
  for (let j = 0; j < width; j++) gram.set(wideGram.subarray(j * wide, j * wide + width), j * width)
  return { weights, bias, gram }
}

/**
 * intercept[player, source] ≈ bias[player] + shift[source], by alternating weighted means: within a source only differences of
 * intercepts mean anything, so that sources of other models stand on other ground until the models they share join them.
 * @param counts rows in which the player is known in the source; `intercepts` likewise row-major players × sources.
 */
function commonIntercepts(
  intercepts: Float64Array,
  counts: Float64Array,
  players: number,
  sources: number,
): Float64Array {
  const bias = new Float64Array(players)
  const shift = new Float64Array(sources)
  for (let iteration = 0; iteration < ALIGNMENTS; iteration++) {
    for (let player = 0; player < players; player++) {
      const own = Array.from(shift.keys(), source => player * sources + source)
      bias[player] = weightedMean(own, counts, at => intercepts[at]! - shift[at % sources]!)
    }
    for (let source = 0; source < sources; source++) {
      const own = Array.from(bias.keys(), player => player * sources + source)
      shift[source] = weightedMean(own, counts, at => intercepts[at]! - bias[Math.floor(at / sources)]!)
    }
  }
  return bias
}

/** The mean over places, 0 where all weigh nothing. */
function weightedMean(places: readonly number[], weights: Float64Array, valueAt: (place: number) => number): number {
  const total = places.reduce((sum, place) => sum + weights[place]!, 0)
  return total === 0 ? 0 : places.reduce((sum, place) => sum + weights[place]! * valueAt(place), 0) / total
}

/** δ of every row and model, without what is common to the models. */
function strengthsOf(
  left: Float64Array,
  right: Float64Array,
  rank: number,
  bias: Float64Array,
  { vectors, width, players }: PlayedRows,
): Float64Array {
  const strengths = new Float64Array((vectors.length / width) * players)
  for (let row = 0; row * width < vectors.length; row++) {
    for (let player = 0; player < players; player++) strengths[row * players + player] = bias[player]!
    for (let r = 0; r < rank; r++) {
      const value = dotAt(right, r * width, vectors, row * width, width)
      for (let player = 0; player < players; player++)
        strengths[row * players + player]! += left[player * rank + r]! * value
    }
  }
  return strengths
}

interface Factors {
  readonly left: Float64Array
  readonly right: Float64Array
  readonly rank: number
  readonly bias: Float64Array
  readonly levels: ScoreLevels
}

/**
 * Two more hidden places bring the factors into a form that divides each P_m by its length: one that is the same for all
 * models and carries what is common to them, and one, with zeros in W, that makes the lengths equal.
 */
function inRouteLlmForm({ left, right, rank, bias, levels }: Factors, models: number, width: number): MfWeights {
  const hidden = rank + 2
  const squares = Float64Array.from({ length: models }, (_, m) =>
    left.subarray(m * rank, (m + 1) * rank).reduce((sum, value) => sum + value * value, 0),
  )
  const most = squares.reduce((a, b) => Math.max(a, b), 0) || 1
  const length = Math.sqrt(2 * most)
  const P = new Float32Array(models * hidden)
  for (let m = 0; m < models; m++) {
    P.set(left.subarray(m * rank, (m + 1) * rank), m * hidden)
    P[m * hidden + rank] = Math.sqrt(most)
    P[m * hidden + rank + 1] = Math.sqrt(most - squares[m]!)
  }
  const W = new Float32Array(hidden * width)
  for (let k = 0; k < right.length; k++) W[k] = right[k]! * length
  const commonScale = length / (Math.sqrt(most) * levels.scale)
  for (let j = 0; j < width; j++) W[rank * width + j] = levels.common[j]! * commonScale
  return {
    hidden,
    P,
    W,
    w: new Float32Array(hidden).fill(1),
    bias: Float32Array.from(bias),
    qualityScale: levels.scale,
    qualityBias: Float32Array.from(levels.levels),
  }
}
