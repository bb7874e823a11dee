import { UsageError } from '../errors.ts'
import { shuffledIndexes } from '../math/random.ts'
import { normalizePrompt } from '../text/hash.ts'

/** How often the right model was chosen on prompts that were not learned from. Shares, 0..1. */
export interface LabelMeasurement {
  readonly accuracy: number
  /** Mean over the models of the share of its prompts that were given to it: each model counts alike. */
  readonly macroAccuracy: number
  /** What always choosing the most frequent model gives. */
  readonly baseline: { readonly accuracy: number; readonly macroAccuracy: number }
  /** One per model. */
  readonly models: readonly {
    readonly model: string
    readonly prompts: number
    readonly recall: number
    readonly f1: number
  }[]
}

/**
 * A fold 0..folds-1 for each prompt, repeats of a prompt in one fold, groups in a seeded random order.
 * @throws UsageError where there are fewer different prompts than folds.
 */
export function labelledFolds(prompts: readonly string[], folds: number, seed: number): Int32Array {
  const groups = new Map<string, number>()
  const groupOf = prompts.map(prompt => {
    const key = normalizePrompt(prompt)
    const group = groups.get(key) ?? groups.size
    groups.set(key, group)
    return group
  })
  if (groups.size < folds) {
    throw new UsageError(
      `--folds: expected at most as many as there are different prompts, ${groups.size}, got ${folds}.`,
    )
  }
  const order = shuffledIndexes(groups.size, seed)
  const foldOf = new Int32Array(groups.size)
  for (const [place, group] of order.entries()) foldOf[group] = place % folds
  return Int32Array.from(groupOf, group => foldOf[group]!)
}

/** Measures choices against labels; both are places in `models`. */
export function measureLabels(
  chosen: ArrayLike<number>,
  labels: ArrayLike<number>,
  models: readonly string[],
): LabelMeasurement {
  const count = models.length
  const prompts = new Float64Array(count)
  const given = new Float64Array(count)
  const hits = new Float64Array(count)
  for (let i = 0; i < labels.length; i++) {
    prompts[labels[i]!]!++
    given[chosen[i]!]!++
    if (chosen[i] === labels[i]) hits[labels[i]!]!++
  }
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0)
  const measured = models.map((model, k) => ({
    model,
    prompts: prompts[k]!,
    recall: prompts[k] === 0 ? Number.NaN : hits[k]! / prompts[k]!,
    f1: (2 * hits[k]!) / (prompts[k]! + given[k]!),
  }))
  const present = measured.filter(row => row.prompts > 0)
  return {
    accuracy: sum(hits) / labels.length,
    macroAccuracy: present.reduce((total, { recall }) => total + recall, 0) / present.length,
    baseline: { accuracy: Math.max(...prompts) / labels.length, macroAccuracy: 1 / present.length },
    models: measured,
  }
}
