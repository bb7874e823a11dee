import { symmetricEigen } from './symmetric_eigen.ts'

/**
 * The best factorisation weights ≈ left · right of a given rank: the one whose values on the rows are nearest, that is in
 * the metric of Σ x xᵀ (reduced-rank regression, Izenman 1975).
 * @param weights row-major players × width.
 * @param gram Σ x xᵀ over the rows, width × width, lower triangle.
 * @returns `left` players × rank with orthonormal columns, `right` rank × width, both row-major; rank ≤ players.
 */
export function factorizeWeights(
  weights: Float64Array,
  gram: Float64Array,
  players: number,
  width: number,
  wantedRank: number,
): { left: Float64Array; right: Float64Array; rank: number } {
  const rank = Math.min(players, wantedRank)
  const { vectors } = symmetricEigen(valueProducts(weights, gram, players, width), players)
  const left = Float64Array.from(
    { length: players * rank },
    (_, k) => vectors[(k % rank) * players + Math.floor(k / rank)]!,
  )
  const right = new Float64Array(rank * width)
  for (let r = 0; r < rank; r++) {
    for (let player = 0; player < players; player++) {
      const share = vectors[r * players + player]!
      for (let j = 0; j < width; j++) right[r * width + j]! += share * weights[player * width + j]!
    }
  }
  return { left, right, rank }
}

/** weights · gram · weightsᵀ: the products of the players' values, summed over the rows. */
function valueProducts(weights: Float64Array, gram: Float64Array, players: number, width: number): Float64Array {
  const products = new Float64Array(players * players)
  const image = new Float64Array(width)
  for (let a = 0; a < players; a++) {
    for (let i = 0; i < width; i++) {
      image[i] = 0
      for (let j = 0; j < width; j++) {
        image[i]! += gram[i >= j ? i * width + j : j * width + i]! * weights[a * width + j]!
      }
    }
    for (let b = 0; b < players; b++) {
      for (let j = 0; j < width; j++) products[a * players + b]! += image[j]! * weights[b * width + j]!
    }
  }
  return products
}
