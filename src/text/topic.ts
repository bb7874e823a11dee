import type { TensorFile } from '../types.ts'
import { textClassifier } from './text_classifier.ts'

/** What a prompt is about. */
export const topics = [
  'arts',
  'business',
  'food',
  'geography',
  'health',
  'history',
  'law',
  'maths',
  'philosophy',
  'science',
  'society',
  'sports',
  'technology',
  'other',
] as const
export type Topic = (typeof topics)[number]

/**
 * The topic of a prompt.
 * @param weights of `PolicyParts.classifier('topic')`.
 * @throws DataError where they are not those of a text classifier.
 */
export function topicOf(prompt: string, weights: TensorFile): Topic {
  const { labels, best } = textClassifier(weights)
  return labels[best(prompt)] as Topic
}
