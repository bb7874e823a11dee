import type { TensorFile } from '../types.ts'
import { textClassifier } from './text_classifier.ts'

/** What a prompt asks for; the file says how each was learned: checkpoints/recipes/classifiers/README.md. */
export const taskTypes = [
  /** Programs written, explained, mended, traced. */
  'code',
  /** Calculation, word problems, proofs. */
  'maths',
  /** Logic, riddles, what follows from what, common sense. */
  'reasoning',
  /** Knowledge and how-to: facts, explanations, examination questions. */
  'question',
  /** Something new in words: stories, letters, advertisements, ideas. */
  'creative',
  /** Work on a text that is given: summaries, extraction, classification, rewriting. */
  'extraction',
  /** From one language into another. */
  'translation',
  /** Talk for its own sake. */
  'chat',
] as const
export type TaskType = (typeof taskTypes)[number]

/**
 * The task type of a prompt.
 * @param weights of `PolicyParts.classifier('task_type')`.
 * @throws DataError where they are not those of a text classifier.
 */
export function taskTypeOf(prompt: string, weights: TensorFile): TaskType {
  const { labels, best } = textClassifier(weights)
  return labels[best(prompt)] as TaskType
}
