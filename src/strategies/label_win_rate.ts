import { softmax } from '../math/probability.ts'

/**
 * Win rate from the three logits of a BERT-style classifier: strong wins, tie, weak wins.
 * @param tieShare what a tie earns the strong model. One half by our definition of a win rate; RouteLLM's formula, which its
 *   published checkpoints were calibrated with, is 0: a tie counts for weak.
 */
export function bertWinRate(logits: ArrayLike<number>, tieShare = 0.5): number {
  const [strong = 0, tie = 0] = softmax(logits)
  return strong + tieShare * tie
}

/**
 * Win rate from the logits of the labels `[[1]]`..`[[5]]` that RouteLLM's `causal_llm` writes, the grade a weak answer would
 * get: 1 − (p₄ + p₅).
 * @param logits undefined where the model wrote no label: then 1, strong.
 */
export function causalWinRate(logits: ArrayLike<number> | undefined): number {
  if (!logits) return 1
  const [one = 0, two = 0, three = 0] = softmax(logits)
  // The same sum seen from the other side: 1 − (p₄ + p₅) loses digits where it is near 0.
  return one + two + three
}
