import { factorize, solveFactorized } from './cholesky.ts'

/** Rating points for a factor of ten in the odds, as in Elo. */
const SCALE = 400
const CENTRE = 1000
/** Penalty on the squared strengths, as a share of the mean weight per player: keeps unbeaten players finite and moves nobody else. */
const RIDGE = 1e-10
const MAX_ITERATIONS = 200

/**
 * Maximum-likelihood Bradley-Terry ratings (Bradley and Terry 1952; RouteLLM's `compute_elo_mle_with_tie`), by Newton's method.
 * P(i beats j) = 1 / (1 + 10^((rating_j − rating_i)/400)).
 * @param wins row-major players × players: `wins[i * players + j]` is the summed weight, ≥ 0, of the wins of i over j, as
 *   `sumWins` makes it. Only proportions count. The diagonal (a player against itself) says nothing and is not read.
 * @returns one rating per player, mean 1000; 1000 for a player without battles.
 */
export function fitBradleyTerry(wins: Float64Array, players: number): Float64Array {
  let total = 0
  for (let i = 0; i < players; i++) for (let j = 0; j < players; j++) if (i !== j) total += wins[i * players + j]!
  const ratings = new Float64Array(players).fill(CENTRE)
  if (total === 0) return ratings

  const ridge = (RIDGE * total) / players
  let strengths = new Float64Array(players)
  let loss = lossOf(wins, strengths, ridge)
  const hessian = new Float64Array(players * players)
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
    const step = newtonStep(wins, strengths, ridge, total / players, hessian)
    const longest = step.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    let next = moved(strengths, step, 1)
    let nextLoss = lossOf(wins, next, ridge)
    // A full step can overshoot where one side wins nearly always; close to the optimum the loss is flat to rounding, and the step is right.
    for (let share = 0.5; nextLoss > loss && longest > 1e-3 && share > 1e-6; share /= 2) {
      next = moved(strengths, step, share)
      nextLoss = lossOf(wins, next, ridge)
    }
    strengths = next
    loss = nextLoss
    if (longest < 1e-10) break
  }

  const mean = strengths.reduce((sum, value) => sum + value, 0) / players
  return ratings.map((centre, i) => centre + ((strengths[i]! - mean) * SCALE) / Math.LN10)
}

/** Battles, one entry each. */
export interface Battles {
  /** Index of the one player, and of the other. */
  readonly a: ArrayLike<number>
  readonly b: ArrayLike<number>
  /** What a earned: 1 a win, 0.5 a tie, 0 a defeat. RouteLLM doubles every battle and gives each side one copy of a tie: the same proportions. */
  readonly score: ArrayLike<number>
}

/**
 * The table that `fitBradleyTerry` reads: row-major players × players, the summed weight of the wins of i over j.
 * @param weights one per battle; absent, each counts 1.
 */
export function sumWins({ a, b, score }: Battles, players: number, weights?: ArrayLike<number>): Float64Array {
  const wins = new Float64Array(players * players)
  for (let i = 0; i < score.length; i++) {
    const weight = weights ? weights[i]! : 1
    wins[a[i]! * players + b[i]!]! += weight * score[i]!
    wins[b[i]! * players + a[i]!]! += weight * (1 - score[i]!)
  }
  return wins
}

/** Negative log-likelihood and penalty at strengths in natural-log odds. */
function lossOf(wins: Float64Array, strengths: Float64Array, ridge: number): number {
  const players = strengths.length
  let loss = 0
  for (let i = 0; i < players; i++) {
    const mine = strengths[i]!
    loss += 0.5 * ridge * mine * mine
    for (let j = 0; j < i; j++) {
      const lead = mine - strengths[j]!
      // −ln σ(lead) and −ln σ(−lead), without overflow.
      const rest = Math.log1p(Math.exp(-Math.abs(lead)))
      loss += wins[i * players + j]! * (rest + Math.max(0, -lead)) + wins[j * players + i]! * (rest + Math.max(0, lead))
    }
  }
  return loss
}

/** The step that a quadratic model of the loss asks for: the solution of `hessian · step = −gradient`. */
function newtonStep(
  wins: Float64Array,
  strengths: Float64Array,
  ridge: number,
  level: number,
  hessian: Float64Array,
): Float64Array {
  const players = strengths.length
  const step = strengths.map(strength => -ridge * strength)
  // All strengths up by one changes no probability. A constant in every cell pins that direction and, the gradient having
  // no part in it, leaves the step as it is.
  hessian.fill(level / players)
  for (let i = 0; i < players; i++) hessian[i * players + i]! += ridge
  for (let i = 0; i < players; i++) {
    for (let j = 0; j < i; j++) {
      const won = wins[i * players + j]!
      const weight = won + wins[j * players + i]!
      if (weight === 0) continue
      const chance = 1 / (1 + Math.exp(strengths[j]! - strengths[i]!))
      const surplus = won - weight * chance
      const curvature = weight * chance * (1 - chance)
      step[i]! += surplus
      step[j]! -= surplus
      hessian[i * players + i]! += curvature
      hessian[j * players + j]! += curvature
      hessian[i * players + j]! -= curvature
      hessian[j * players + i]! -= curvature
    }
  }
  factorize(hessian, players)
  solveFactorized(hessian, players, step)
  return step
}

/** strengths + share · step. */
function moved(strengths: Float64Array, step: Float64Array, share: number): Float64Array<ArrayBuffer> {
  return Float64Array.from(strengths, (strength, i) => strength + share * step[i]!)
}
