/** Rows of a sparse matrix: entries `starts[i]` to `starts[i + 1]` of `columns` and `values` are row i. */
export interface SparseRows {
  readonly starts: Int32Array
  readonly columns: Int32Array
  readonly values: Float32Array
}

/**
 * The weights w that minimise ‖X w − targets‖² + penalty · ‖w‖², by conjugate gradients on the normal equations
 * (Hestenes and Stiefel 1952), stopped after `iterations` or when the residual has fallen to 1e-6 of its start.
 * @param width number of columns of X
 */
export function solveRidge(
  { starts, columns, values }: SparseRows,
  targets: Float64Array,
  width: number,
  penalty: number,
  iterations: number,
): Float64Array {
  const weights = new Float64Array(width)
  const residual = new Float64Array(width)
  const direction = new Float64Array(width)
  const product = new Float64Array(width)
  for (let i = 0; i < targets.length; i++) {
    for (let k = starts[i]!; k < starts[i + 1]!; k++) residual[columns[k]!]! += targets[i]! * values[k]!
  }
  direction.set(residual)
  let size = squaredNorm(residual)
  const enough = size * 1e-12
  for (let iteration = 0; iteration < iterations && size > enough; iteration++) {
    for (let j = 0; j < width; j++) product[j] = penalty * direction[j]!
    for (let i = 0; i < targets.length; i++) {
      const end = starts[i + 1]!
      let sum = 0
      for (let k = starts[i]!; k < end; k++) sum += direction[columns[k]!]! * values[k]!
      for (let k = starts[i]!; k < end; k++) product[columns[k]!]! += sum * values[k]!
    }
    let curvature = 0
    for (let j = 0; j < width; j++) curvature += direction[j]! * product[j]!
    const step = size / curvature
    for (let j = 0; j < width; j++) {
      weights[j]! += step * direction[j]!
      residual[j]! -= step * product[j]!
    }
    const next = squaredNorm(residual)
    for (let j = 0; j < width; j++) direction[j] = residual[j]! + (next / size) * direction[j]!
    size = next
  }
  return weights
}

function squaredNorm(vector: Float64Array): number {
  let sum = 0
  for (let j = 0; j < vector.length; j++) sum += vector[j]! * vector[j]!
  return sum
}
