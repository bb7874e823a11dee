import type { LocalModels } from '../model_types.ts'

/** What runs neural models here. A kind of model is a file of its own beside this one, imported when the first of them is opened. */
export const localModels: LocalModels = {
  async causalModel(folder) {
    const { openCausalModel } = await import('./causal_model.ts')
    return openCausalModel(folder)
  },
  async sentenceEncoder(source) {
    const { openSentenceEncoder } = await import('./sentence_encoder.ts')
    return openSentenceEncoder(source)
  },
  async sequenceClassifier(folder) {
    const { openSequenceClassifier } = await import('./sequence_classifier.ts')
    return openSequenceClassifier(folder)
  },
}
