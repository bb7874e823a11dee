import { type Forest, LEAF, predictForest } from '../math/forest.ts'
import { broken, checkIndexes, numberOption, tensorOf } from '../strategies/checkpoint_parts.ts'
import type { Checkpoint } from '../types.ts'
import { createFeatureReader, type FeatureWeights, LEARNED_FEATURE_VERSION, widthOf } from './learned_features.ts'

/** What the weights say of a prompt. */
export interface LearnedPrediction {
  /** One per model of the weights, 0..1, summing to 1; used again for the next prompt. */
  readonly probabilities: Float64Array
  readonly language: string
  readonly taskType: string
}

/**
 * Predicts the model to choose.
 * @throws DataError where the checkpoint is not one of `train --policy learned`, or not whole.
 */
export function createLearnedPredictor(
  checkpoint: Checkpoint,
  weights: FeatureWeights,
): (prompt: string) => LearnedPrediction {
  const { metadata } = checkpoint
  if (metadata.strategy !== 'learned') {
    throw broken('policy learned', `expected a checkpoint of train --policy learned, got one of ${metadata.strategy}.`)
  }
  if (metadata.featureVersion !== LEARNED_FEATURE_VERSION) {
    throw broken(
      'policy learned',
      `expected feature version ${LEARNED_FEATURE_VERSION}, got ${metadata.featureVersion}.`,
    )
  }
  const count = metadata.models.length
  const languages = metadata.options.languages
  if (count < 2 || !Array.isArray(languages)) throw broken('policy learned', 'expected models and languages, got none.')
  const choice = {
    languages: languages.map(String),
    languageShares: tensorOf(checkpoint, 'language_shares', Float32Array, [(languages.length + 1) * count]),
    wording: tensorOf(checkpoint, 'wording', Int32Array, [undefined]),
  }
  const forests = readForests(checkpoint, count === 2 ? 1 : count, widthOf(choice))
  const read = createFeatureReader(weights, choice)
  const probabilities = new Float64Array(count)
  return prompt => {
    const { row, language, taskType } = read(prompt)
    for (const [model, forest] of forests.entries()) probabilities[model] = predictForest(forest, row)
    if (count === 2) probabilities[1] = 1 - probabilities[0]!
    const sum = probabilities.reduce((total, value) => total + value, 0)
    for (let model = 0; model < count; model++) probabilities[model] = sum > 0 ? probabilities[model]! / sum : 1 / count
    return { probabilities, language, taskType }
  }
}

/** One forest a model, all with their nodes in the same arrays. */
function readForests(checkpoint: Checkpoint, count: number, width: number): Forest[] {
  const values = tensorOf(checkpoint, 'values', Float32Array, [undefined])
  const trees = numberOption(checkpoint, 'trees')
  const shape = [values.length]
  const roots = tensorOf(checkpoint, 'roots', Int32Array, [count * trees])
  const all = {
    features: tensorOf(checkpoint, 'features', Uint16Array, shape),
    thresholds: tensorOf(checkpoint, 'thresholds', Float32Array, shape),
    children: tensorOf(checkpoint, 'children', Int32Array, shape),
    values,
  }
  checkIndexes(checkpoint, 'roots', roots, values.length)
  const isSound = all.features.every((feature, node) => {
    const left = all.children[node]!
    return feature === LEAF || (feature < width && left > node && left + 1 < values.length)
  })
  if (!isSound) {
    throw broken(
      'policy learned',
      'expected trees over the features there are, with children behind their parents, got others.',
    )
  }
  return Array.from({ length: count }, (_, model) => ({
    ...all,
    roots: roots.subarray(model * trees, (model + 1) * trees),
  }))
}
