import { factorize, solveFactorized } from './cholesky.ts'
import { dotAt, type PlayedRows } from './pairwise_logistic.ts'
import { sigmoid } from './probability.ts'

const MAX_ITERATIONS = 40
const TOLERANCE = 1e-4
const LEAST_SCALE = 0.1
const MOST_SCALE = 10

/** score = σ(scale · strength + common · x + level). */
export interface ScoreLevels {
  readonly scale: number
  /** What is common to all players: how easy the row is. One weight per column. */
  readonly common: Float64Array
  /** One per player. */
  readonly levels: Float64Array
}

/**
 * What differences of strength leave open: how well all players do on a row, and each on the whole. Logistic regression
 * of scores on given strengths, block by block with bounded curvature.
 * @param strengths row-major rows × players; only their differences within a row mean anything.
 * @param gram Σ x xᵀ over the rows, width × width, lower triangle.
 * @param penalty on half the squared common weights, above 0.
 */
export function fitScoreLevels(
  rows: PlayedRows,
  strengths: Float64Array,
  gram: Float64Array,
  penalty: number,
): ScoreLevels {
  const { vectors, width, scores, players } = rows
  const factor = gram.map(value => (value * players) / 4)
  for (let j = 0; j < width; j++) factor[j * width + j]! += penalty
  factorize(factor, width)
  const levels = new Float64Array(players)
  const common = new Float64Array(width)
  const ease = new Float64Array(scores.length / players)
  let scale = 1
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
    let longest = stepLevelsAndScale()
    const step = commonGradient()
    solveFactorized(factor, width, step)
    for (let j = 0; j < width; j++) {
      common[j]! -= step[j]!
      longest = Math.max(longest, Math.abs(step[j]!))
    }
    for (let row = 0; row < ease.length; row++) ease[row] = dotAt(common, 0, vectors, row * width, width)
    if (longest < TOLERANCE) break
  }
  return { scale, common, levels }

  /** Returns the longest step of a level. */
  function stepLevelsAndScale(): number {
    const surpluses = new Float64Array(players)
    const curvatures = new Float64Array(players).fill(1e-9)
    let alongStrength = 0
    let strengthCurvature = 1e-9
    for (let row = 0; row < ease.length; row++) {
      for (let player = 0; player < players; player++) {
        const at = row * players + player
        if (Number.isNaN(scores[at]!)) continue
        const surplus = surplusAt(row, player)
        surpluses[player]! += surplus
        alongStrength += surplus * strengths[at]!
        // Levels and scale move together, so each has twice the bound of ¼.
        curvatures[player]! += 1 / 2
        strengthCurvature += strengths[at]! ** 2 / 2
      }
    }
    scale = Math.max(LEAST_SCALE, Math.min(MOST_SCALE, scale - alongStrength / strengthCurvature))
    for (let player = 0; player < players; player++) levels[player]! -= surpluses[player]! / curvatures[player]!
    return surpluses.reduce((most, surplus, player) => Math.max(most, Math.abs(surplus / curvatures[player]!)), 0)
  }

  function commonGradient(): Float64Array {
    const gradient = common.map(weight => penalty * weight)
    for (let row = 0; row < ease.length; row++) {
      let total = 0
      for (let player = 0; player < players; player++) {
        if (!Number.isNaN(scores[row * players + player]!)) total += surplusAt(row, player)
      }
      for (let j = 0; j < width; j++) gradient[j]! += total * vectors[row * width + j]!
    }
    return gradient
  }

  function surplusAt(row: number, player: number): number {
    const at = row * players + player
    return sigmoid(scale * strengths[at]! + ease[row]! + levels[player]!) - scores[at]!
  }
}
