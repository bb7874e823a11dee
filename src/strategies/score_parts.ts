import { shuffledIndexes } from '../math/random.ts'
import { nearest, SHRINKAGE, smoothed } from './neighbours.ts'

/** Shrinkages that are tried for what tells models apart. */
const TRIED = [SHRINKAGE, 0.03, 0.1, 0.3, 1]
/** Rows that they are tried on. */
const ROWS = 400
/** From this cosine on two prompts are the same. */
const SAME = 0.9999

/** score = level of the model + ease of the row + what the model does there beyond both. */
export interface ScoreParts {
  /** Mean known score of each model; ½ where none is known. */
  readonly levels: Float64Array
  /** One a row; NaN where no score is known. */
  readonly ease: Float64Array
  /** Row-major rows × models; NaN where not known. */
  readonly own: Float64Array
}

/**
 * Divides scores into what neighbours tell well (how easy a prompt is for all models) and what they tell badly (which model does
 * better on it), since only the second decides between models and needs more restraint.
 * @param scores row-major rows × models, NaN where not known.
 */
export function createScoreParts(scores: Float64Array, models: number): ScoreParts {
  const levels = Float64Array.from({ length: models }, (_, m) => {
    const known = scores.filter((score, at) => at % models === m && !Number.isNaN(score))
    return known.length === 0 ? 0.5 : known.reduce((sum, score) => sum + score, 0) / known.length
  })
  const surplus = scores.map((score, at) => score - levels[at % models]!)
  const ease = Float64Array.from({ length: scores.length / models }, (_, row) => {
    const known = surplus.subarray(row * models, (row + 1) * models).filter(value => !Number.isNaN(value))
    return known.reduce((sum, value) => sum + value, 0) / known.length
  })
  return { levels, ease, own: surplus.map((value, at) => value - ease[Math.floor(at / models)]!) }
}

/** Values moved by what is common to them, or by as much of it as leaves them within 0..1 and their differences as they are. */
export function within01(values: Float64Array, common: number): Float64Array {
  const most = values.reduce((a, b) => Math.max(a, b))
  const least = values.reduce((a, b) => Math.min(a, b))
  const move = Math.max(-least, Math.min(1 - most, common))
  return values.map(value => Math.min(1, Math.max(0, value + move)))
}

/**
 * The shrinkage under which neighbours foretell `own` best, by squared error on some of the rows, each without itself and its
 * repeats.
 * @param vectors row-major rows × width, of unit length.
 */
export function chooseShrinkage(
  { own }: ScoreParts,
  models: number,
  vectors: Float32Array,
  width: number,
  k: number,
  seed: number,
): number {
  const count = own.length / models
  const errors = TRIED.map(() => 0)
  const cosines = new Float32Array(count)
  for (const row of shuffledIndexes(count, seed).subarray(0, ROWS)) {
    for (let other = 0; other < count; other++) {
      let cosine = 0
      for (let j = 0; j < width; j++) cosine += vectors[row * width + j]! * vectors[other * width + j]!
      cosines[other] = cosine > SAME ? -1 : cosine
    }
    cosines[row] = -1
    const neighbours = nearest(cosines, k)
    for (let m = 0; m < models; m++) {
      const truth = own[row * models + m]!
      if (Number.isNaN(truth)) continue
      for (const [t, shrinkage] of TRIED.entries()) {
        const told = smoothed(neighbours, other => own[other * models + m]!, 0, shrinkage)
        errors[t]! += (truth - told) ** 2
      }
    }
  }
  return TRIED[errors.indexOf(Math.min(...errors))]!
}
