/**
 * How much each battle counts for a prompt, as RouteLLM's `sw_ranking`: 10 · 10^(s_i / max_j s_j), so 100 for the nearest
 * battle and 10 for an unrelated one. Where no similarity is above 0 nothing is near and all weigh 10.
 * @param similarities cosine of the prompt with each battle's prompt, −1..1.
 * @param sharpness multiplies the exponent; 1 is RouteLLM's.
 */
export function similarityWeights(similarities: Float32Array | Float64Array, sharpness = 1): Float64Array {
  let most = 0
  for (let i = 0; i < similarities.length; i++) if (similarities[i]! > most) most = similarities[i]!
  const weights = new Float64Array(similarities.length).fill(10)
  if (most === 0) return weights
  const scale = (sharpness * Math.LN10) / most
  for (let i = 0; i < weights.length; i++) weights[i] = 10 * Math.exp(similarities[i]! * scale)
  return weights
}

/** Expected score of player `strong` against player `weak` by their ratings (scale 400, base 10), in [0, 1]. */
export function pairWinRate(ratings: ArrayLike<number>, strong: number, weak: number): number {
  return 1 / (1 + 10 ** ((ratings[weak]! - ratings[strong]!) / 400))
}
