/**
 * RouteLLM's matrix factorisation for one fixed pair, folded into one vector v:
 * δ(m) = w · (P_m/‖P_m‖ ∘ W e) and winRate = σ(δ_strong − δ_weak) = σ(v · e), v = Wᵀ((P_s/‖P_s‖ − P_w/‖P_w‖) ∘ w). No biases.
 * @param P models × hidden, row-major: one embedding per model.
 * @param W hidden × dim, row-major: projects the prompt's embedding.
 * @param w hidden: the classifier.
 * @returns v, `dim` numbers.
 */
export function foldPair(
  P: ArrayLike<number>,
  W: ArrayLike<number>,
  w: ArrayLike<number>,
  dim: number,
  hidden: number,
  strongIndex: number,
  weakIndex: number,
): Float64Array {
  const strongScale = 1 / rowLength(P, hidden, strongIndex)
  const weakScale = 1 / rowLength(P, hidden, weakIndex)
  const folded = new Float64Array(dim)
  for (let h = 0; h < hidden; h++) {
    const lead = P[strongIndex * hidden + h]! * strongScale - P[weakIndex * hidden + h]! * weakScale
    const scale = lead * w[h]!
    for (let d = 0; d < dim; d++) folded[d]! += scale * W[h * dim + d]!
  }
  return folded
}

/** Euclidean length of a row, not below 1e-12, as torch's `normalize` guards it. */
function rowLength(matrix: ArrayLike<number>, columns: number, row: number): number {
  let squares = 0
  for (let c = 0; c < columns; c++) squares += matrix[row * columns + c]! ** 2
  return Math.max(Math.sqrt(squares), 1e-12)
}
