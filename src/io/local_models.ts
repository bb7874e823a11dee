import type { LocalModels } from '../types.ts'

/** How models are come by. */
export interface LocalModelsOptions {
  /** Download nothing. */
  readonly offline?: boolean
}

/** What runs neural models here. A kind of model is a file of its own beside this one, imported when the first of them is opened. */
export function createLocalModels({ offline = false }: LocalModelsOptions): LocalModels {
  return {
    async causalModel(folder) {
      const { openCausalModel } = await import('./causal_model.ts')
      return openCausalModel(folder)
    },
    async sentenceEncoder(source) {
      const { openSentenceEncoder } = await import('./sentence_encoder.ts')
      return openSentenceEncoder(source, { offline })
    },
  }
}
