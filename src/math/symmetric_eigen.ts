const SWEEPS = 60

/**
 * Eigenvalues and eigenvectors of a symmetric matrix by Jacobi rotations (Golub and Van Loan, §8.5), largest first.
 * @param matrix n × n, row-major; not changed.
 * @returns `vectors` row-major, row k belonging to `values[k]`.
 */
export function symmetricEigen(matrix: Float64Array, n: number): { values: Float64Array; vectors: Float64Array } {
  const a = Float64Array.from(matrix)
  const vectors = new Float64Array(n * n)
  for (let i = 0; i < n; i++) vectors[i * n + i] = 1
  const scale = a.reduce((sum, value) => sum + value * value, 0)
  for (let sweep = 0; sweep < SWEEPS && offDiagonal(a, n) > 1e-22 * scale; sweep++) {
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, vectors, n, p, q)
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a[j * n + j]! - a[i * n + i]!)
  return {
    values: Float64Array.from(order, i => a[i * n + i]!),
    vectors: Float64Array.from({ length: n * n }, (_, k) => vectors[order[Math.floor(k / n)]! * n + (k % n)]!),
  }
}

function offDiagonal(a: Float64Array, n: number): number {
  let sum = 0
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) sum += a[i * n + j]! ** 2
  return sum
}

/** The rotation that makes a[p, q] zero; the rows of `vectors` turn with it. */
function rotate(a: Float64Array, vectors: Float64Array, n: number, p: number, q: number): void {
  const off = a[p * n + q]!
  if (off === 0) return
  const ratio = (a[q * n + q]! - a[p * n + p]!) / (2 * off)
  const tangent = Math.sign(ratio || 1) / (Math.abs(ratio) + Math.sqrt(ratio * ratio + 1))
  const cosine = 1 / Math.sqrt(tangent * tangent + 1)
  const sine = tangent * cosine
  for (let k = 0; k < n; k++) {
    const [kp, kq] = [a[k * n + p]!, a[k * n + q]!]
    a[k * n + p] = cosine * kp - sine * kq
    a[k * n + q] = sine * kp + cosine * kq
  }
  for (let k = 0; k < n; k++) {
    const [pk, qk] = [a[p * n + k]!, a[q * n + k]!]
    a[p * n + k] = cosine * pk - sine * qk
    a[q * n + k] = sine * pk + cosine * qk
    const [vp, vq] = [vectors[p * n + k]!, vectors[q * n + k]!]
    vectors[p * n + k] = cosine * vp - sine * vq
    vectors[q * n + k] = sine * vp + cosine * vq
  }
}
