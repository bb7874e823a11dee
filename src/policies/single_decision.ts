import type { Alternative, Decision, Model, Reason } from '../types.ts'

/** What speaks for a model that was not chosen: the number that the policy compared, and why it was not enough. */
export type Rival = Omit<Alternative, 'model'>

/**
 * One model, and what the other candidates would have been.
 * @param rival called for each candidate that was not chosen, with its index.
 */
export function singleDecision(
  policy: string,
  chosen: Model,
  reason: Reason,
  candidates: readonly Model[],
  rival: (model: Model, index: number) => Rival,
): Decision {
  const alternatives: Alternative[] = []
  for (let i = 0; i < candidates.length; i++) {
    const model = candidates[i]!
    if (model.id !== chosen.id) alternatives.push({ model: model.id, ...rival(model, i) })
  }
  return { model: chosen.id, models: [chosen.id], plan: 'single', policy, reasons: [reason], alternatives }
}

/** Capacity of a model against others. Default 1. */
export function weightOf({ weight = 1 }: Model): number {
  return weight
}

/** What keeps requests together: the key, else the user, else the prompt itself. */
export function stickyKey({
  key,
  user,
  prompt,
}: {
  readonly key?: string
  readonly user?: string
  readonly prompt: string
}) {
  return key ?? user ?? prompt
}
