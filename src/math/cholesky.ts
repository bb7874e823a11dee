/**
 * Factorises a symmetric positive definite matrix in place into its lower Cholesky factor. Only the lower triangle is
 * read and written.
 * @param matrix n × n, row-major. A pivot that rounding leaves at 0 or below becomes the smallest number above it.
 */
export function factorize(matrix: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j]!
      for (let k = 0; k < j; k++) sum -= matrix[i * n + k]! * matrix[j * n + k]!
      matrix[i * n + j] = i === j ? Math.sqrt(Math.max(sum, Number.MIN_VALUE)) : sum / matrix[j * n + j]!
    }
  }
}

/** Solves L Lᵀ x = right in place, given the factor L of `factorize`. */
export function solveFactorized(factor: Float64Array, n: number, right: Float64Array): void {
  for (let i = 0; i < n; i++) {
    let sum = right[i]!
    for (let k = 0; k < i; k++) sum -= factor[i * n + k]! * right[k]!
    right[i] = sum / factor[i * n + i]!
  }
  for (let i = n - 1; i >= 0; i--) {
    const value = right[i]! / factor[i * n + i]!
    right[i] = value
    for (let k = 0; k < i; k++) right[k]! -= factor[i * n + k]! * value
  }
}

/** The lower triangle of Σ x xᵀ over some rows of a row-major matrix. */
export function gramOf(rows: Float32Array, width: number, chosen: Int32Array): Float64Array {
  const gram = new Float64Array(width * width)
  // Four rows at a time: one load and store of the sum for four products. Missing rows of the last four are zeros.
  const four = new Float64Array(4 * width)
  for (let k = 0; k < chosen.length; k += 4) {
    for (let r = 0; r < 4; r++) {
      const start = k + r < chosen.length ? chosen[k + r]! * width : -1
      for (let j = 0; j < width; j++) four[r * width + j] = start < 0 ? 0 : rows[start + j]!
    }
    for (let i = 0; i < width; i++) {
      const [a, b, c, d] = [four[i]!, four[width + i]!, four[2 * width + i]!, four[3 * width + i]!]
      const out = i * width
      for (let j = 0; j <= i; j++) {
        gram[out + j]! += a * four[j]! + b * four[width + j]! + c * four[2 * width + j]! + d * four[3 * width + j]!
      }
    }
  }
  return gram
}
