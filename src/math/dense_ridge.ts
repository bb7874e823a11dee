import { factorize, gramOf, solveFactorized } from './cholesky.ts'

/** target ≈ intercept + weights · row. */
export interface LinearFit {
  readonly weights: Float64Array
  readonly intercept: number
}

/**
 * Ridge regression with a free intercept: minimises the mean of (intercept + w · x − target)² over the rows, plus
 * `penalty` · ‖w‖².
 * @param vectors row-major, `width` columns; columns should be centred.
 * @param targets one a row of `vectors`; read at `rows` only.
 * @param rows one or more.
 */
export function fitDenseRidge(
  vectors: Float32Array,
  width: number,
  targets: Float64Array,
  rows: Int32Array,
  penalty: number,
): LinearFit {
  const intercept = rows.reduce((sum, row) => sum + targets[row]!, 0) / rows.length
  const gram = gramOf(vectors, width, rows)
  for (let j = 0; j < width; j++) gram[j * width + j]! += penalty * rows.length
  factorize(gram, width)
  const weights = new Float64Array(width)
  for (const row of rows) {
    const surplus = targets[row]! - intercept
    for (let j = 0; j < width; j++) weights[j]! += vectors[row * width + j]! * surplus
  }
  solveFactorized(gram, width, weights)
  return { weights, intercept }
}

/** The fitted value of a row. */
export function valueAt({ weights, intercept }: LinearFit, vectors: Float32Array, row: number): number {
  const width = weights.length
  let value = intercept
  for (let j = 0; j < width; j++) value += weights[j]! * vectors[row * width + j]!
  return value
}
