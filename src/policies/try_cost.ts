import type { AcceptRule } from '../types.ts'

/** Answers drawn for self-consistency where the rule does not say. */
export const SAMPLES = 3

/**
 * Expected US dollars of one step of a cascade: all samples of self-consistency, and what a judge takes. The last step's answer
 * is taken as it is, and costs one call.
 * @param cost of one answer.
 * @param judge of one rating, where a judge scores.
 * @returns undefined where one of them is not known.
 */
export function tryCost(
  rule: AcceptRule,
  isLast: boolean,
  cost: number | undefined,
  judge: () => number | undefined,
): number | undefined {
  if (cost === undefined || isLast) return cost
  if (rule.by === 'self_consistency') return cost * (rule.samples ?? SAMPLES)
  if (rule.by !== 'judge') return cost
  const judged = judge()
  return judged === undefined ? undefined : cost + judged
}
