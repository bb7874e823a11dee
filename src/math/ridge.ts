/** Rows of a sparse matrix: entries `starts[i]` to `starts[i + 1]` of `columns` and `values` are row i. */
export interface SparseRows {
  readonly starts: Int32Array
  readonly columns: Int32Array
  readonly values: Float32Array
}

/** Some rows of a sparse matrix, in the order asked for. */
export function selectSparseRows({ starts, columns, values }: SparseRows, chosen: Int32Array): SparseRows {
  const newStarts = new Int32Array(chosen.length + 1)
  for (const [i, row] of chosen.entries()) newStarts[i + 1] = newStarts[i]! + starts[row + 1]! - starts[row]!
  const entries = newStarts[chosen.length]!
  const selected = { starts: newStarts, columns: new Int32Array(entries), values: new Float32Array(entries) }
  for (const [i, row] of chosen.entries()) {
    selected.columns.set(columns.subarray(starts[row]!, starts[row + 1]!), newStarts[i]!)
    selected.values.set(values.subarray(starts[row]!, starts[row + 1]!), newStarts[i]!)
  }
  return selected
}

/** How hard a fit is held back. */
export interface RidgeOptions {
  /** Weight of ‖w‖² against the squared error. */
  readonly penalty: number
  /** Conjugate gradients stopped early are partial least squares (Wold 1975): a second way of holding back. */
  readonly iterations: number
}

/**
 * The weights w that minimise ‖X w + intercept of the row's group − targets‖² + penalty · ‖w‖², by conjugate gradients on
 * the normal equations (Hestenes and Stiefel 1952) of columns and targets centred within each group, which takes the
 * intercepts out of the problem.
 * @param width number of columns of X
 * @param groups 0, 1, … for each row
 * @returns the weights, and the mean over the rows of the intercept of their group
 */
export function solveRidge(
  rows: SparseRows,
  targets: Float64Array,
  width: number,
  groups: ArrayLike<number>,
  { penalty, iterations }: RidgeOptions,
): { weights: Float64Array; intercept: number } {
  const weights = new Float64Array(width)
  const residual = transposed(rows, centred(targets.slice(), groups), width)
  const direction = residual.slice()
  let size = squaredNorm(residual)
  const enough = size * 1e-12
  for (let iteration = 0; iteration < iterations && size > enough; iteration++) {
    const product = transposed(rows, centred(times(rows, direction), groups), width)
    let curvature = 0
    for (let j = 0; j < width; j++) {
      product[j]! += penalty * direction[j]!
      curvature += direction[j]! * product[j]!
    }
    const step = size / curvature
    for (let j = 0; j < width; j++) {
      weights[j]! += step * direction[j]!
      residual[j]! -= step * product[j]!
    }
    const next = squaredNorm(residual)
    for (let j = 0; j < width; j++) direction[j] = residual[j]! + (next / size) * direction[j]!
    size = next
  }
  const left = times(rows, weights)
  const intercept = targets.reduce((sum, target, i) => sum + target - left[i]!, 0) / targets.length
  return { weights, intercept }
}

/** X · vector. */
function times({ starts, columns, values }: SparseRows, vector: Float64Array): Float64Array {
  const result = new Float64Array(starts.length - 1)
  for (let i = 0; i < result.length; i++) {
    const end = starts[i + 1]!
    let sum = 0
    for (let k = starts[i]!; k < end; k++) sum += vector[columns[k]!]! * values[k]!
    result[i] = sum
  }
  return result
}

/** Xᵀ · vector. */
function transposed({ starts, columns, values }: SparseRows, vector: Float64Array, width: number): Float64Array {
  const result = new Float64Array(width)
  for (let i = 0; i < vector.length; i++) {
    const end = starts[i + 1]!
    const factor = vector[i]!
    for (let k = starts[i]!; k < end; k++) result[columns[k]!]! += factor * values[k]!
  }
  return result
}

/** Takes the mean of its group from each value, in place. */
function centred(values: Float64Array, groups: ArrayLike<number>): Float64Array {
  const sums: number[] = []
  const counts: number[] = []
  for (let i = 0; i < values.length; i++) {
    const group = groups[i]!
    sums[group] = (sums[group] ?? 0) + values[i]!
    counts[group] = (counts[group] ?? 0) + 1
  }
  for (let i = 0; i < values.length; i++) values[i]! -= sums[groups[i]!]! / counts[groups[i]!]!
  return values
}

function squaredNorm(vector: Float64Array): number {
  let sum = 0
  for (let j = 0; j < vector.length; j++) sum += vector[j]! * vector[j]!
  return sum
}
