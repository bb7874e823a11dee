import { DataError, UsageError } from '../errors.ts'
import type { Resources, Strategy } from '../types.ts'
import { bertWinRate } from './label_win_rate.ts'

/** Raised whenever the same labels would mean something else. */
const FEATURE_VERSION = 1
/** Strong better, tie, weak better: in this order, whatever their names. */
const LABELS = 3

export const recipe = `Name a folder with an ONNX model of three labels (strong, tie, weak), as --checkpoint FOLDER;
checkpoints/recipes/bert of the repository fine-tunes one in an hour.`

/**
 * A small encoder with three labels says which answer would be better: RouteLLM's `bert`. The option `tieShare` of the weights
 * says what a tie earns; an imported model has none, and RouteLLM's formula gives it 0.
 */
export async function create(resources: Resources): Promise<Strategy> {
  const { metadata, model: folder } = await resources.checkpoint()
  const { strategy, featureVersion, options } = metadata
  if (strategy !== 'bert' || featureVersion !== FEATURE_VERSION) {
    throw misfit(`a checkpoint of bert with feature version ${FEATURE_VERSION}`, `${strategy} with ${featureVersion}`)
  }
  if (folder === undefined) throw misfit('the folder of a model', 'a file without one')
  if (!resources.models) throw new UsageError('bert: expected a way to run models (resources.models), got none.')
  const classifier = await resources.models.sequenceClassifier(folder)
  if (classifier.labels.length !== LABELS) {
    throw misfit(`a model with ${LABELS} labels (strong better, tie, weak better)`, `${classifier.labels.length}`)
  }
  const tieShare = typeof options.tieShare === 'number' ? options.tieShare : 0
  return {
    async winRate(prompts) {
      const logits = await classifier.logits(prompts)
      return Float64Array.from(prompts, (_, i) => bertWinRate(logits.subarray(i * LABELS, (i + 1) * LABELS), tieShare))
    },
  }
}

function misfit(expected: string, got: string): DataError {
  return new DataError('bert', undefined, `expected ${expected}, got ${got}. Export the model again.`)
}
