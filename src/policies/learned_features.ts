import { complexityOf } from '../text/complexity.ts'
import { createLanguageDetector } from '../text/language.ts'
import { promptStatistics, statisticNames } from '../text/statistics.ts'
import { taskTypes } from '../text/task_type.ts'
import { textClassifier } from '../text/text_classifier.ts'
import { topics } from '../text/topic.ts'
import { wordingOf } from '../text/wording.ts'
import type { TensorFile } from '../types.ts'

/** Raised whenever the same text would give other features; the classifiers' weights count as part of it. */
export const LEARNED_FEATURE_VERSION = 1

/** Reads no more of a prompt than this, which keeps a long one from taking long. */
const MOST = 2000

/** Weights of the classifiers that features come from. */
export interface FeatureWeights {
  readonly language: TensorFile
  readonly taskType: TensorFile
  readonly topic: TensorFile
}

/** What features are made of besides the prompt: chosen when the weights are trained. */
export interface FeatureChoice {
  /** Languages that have a feature each, as ISO 639-1. */
  readonly languages: readonly string[]
  /**
   * Row-major languages × models, and a row for other languages: the share of the prompts in a language that the model was right
   * for, drawn to its share of all. One split on it parts languages that many splits on single ones would.
   */
  readonly languageShares: Float32Array
  /** Hashes of wording (`wordingOf`) that have a feature each. */
  readonly wording: ArrayLike<number>
}

/** The features of a prompt, and what they were told from. */
export interface PromptFeatures {
  /** Used again for the next prompt. */
  readonly row: Float32Array
  readonly language: string
  readonly taskType: string
}

/**
 * Features of the policy `learned`: prompt statistics, complexity, probabilities of task types and topics, what the language
 * speaks for, the language as one of those chosen, and whether each chosen piece of wording is there.
 */
export function createFeatureReader(
  { language, taskType, topic }: FeatureWeights,
  choice: FeatureChoice,
): (prompt: string) => PromptFeatures {
  const detect = createLanguageDetector(language)
  const taskClassifier = textClassifier(taskType)
  const topicClassifier = textClassifier(topic)
  const { languages, languageShares, wording } = choice
  const models = languageShares.length / (languages.length + 1)
  const languageStart = FIXED + models
  const wordingStart = languageStart + languages.length
  const places = new Map(Array.from(wording, (hash, i) => [hash >>> 0, wordingStart + i]))
  const row = new Float32Array(widthOf(choice))
  return whole => {
    const prompt = whole.length > MOST ? whole.slice(0, MOST) : whole
    row.fill(0)
    row.set(promptStatistics(prompt))
    row[0] = Math.log1p(whole.length)
    row[statisticNames.length] = complexityOf(prompt)
    const worded = wordingOf(prompt)
    const tasks = taskClassifier.probabilities(prompt)
    row.set(tasks, TASKS)
    const best = tasks.indexOf(Math.max(...tasks))
    row.set(topicClassifier.probabilities(prompt), TOPICS)
    const found = detect(prompt)
    const known = languages.indexOf(found)
    const shares = known >= 0 ? known : languages.length
    for (let model = 0; model < models; model++) row[FIXED + model] = languageShares[shares * models + model]!
    if (known >= 0) row[languageStart + known] = 1
    for (let i = 0; i < worded.count; i++) {
      const place = places.get(worded.hashes[i]!)
      if (place !== undefined) row[place] = 1
    }
    return { row, language: found, taskType: taskClassifier.labels[best]! }
  }
}

/** How many features there are. */
export function widthOf({ languages, languageShares, wording }: FeatureChoice): number {
  return FIXED + languageShares.length / (languages.length + 1) + languages.length + wording.length
}

const TASKS = statisticNames.length + 1
const TOPICS = TASKS + taskTypes.length
const FIXED = TOPICS + topics.length
