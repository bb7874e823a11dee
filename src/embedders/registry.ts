import type { Registry } from '../registry.ts'
import type { Embedder, Resources } from '../types.ts'

/** What an embedder may be told. */
export interface EmbedderOptions {
  /** Length of a vector; each embedder has its own default. */
  readonly dimensions?: number
  /** `openai` only: base URL of the endpoint, without a trailing slash. */
  readonly baseUrl?: string
  /** `openai`: the model's name at the endpoint. `transformers`: a folder or hub id, with `@q8` and the like behind it. */
  readonly model?: string
}

/** What each file in embedders/ exports. */
export interface EmbedderModule {
  create(
    options: EmbedderOptions,
    resources: Pick<Resources, 'postJson' | 'cache' | 'models' | 'embedderTable'>,
  ): Promise<Embedder>
}

/** Every embedder: the file name is the id. */
export const embedders: Registry<EmbedderModule> = {
  hashing: { summary: 'signed hashes of words and character n-grams; no download', load: () => import('./hashing.ts') },
  openai: {
    summary: 'any OpenAI-compatible /v1/embeddings endpoint, cached on disk',
    load: () => import('./openai.ts'),
  },
  static: {
    summary: 'a shipped table of word vectors, distilled from a sentence encoder; no download',
    load: () => import('./static.ts'),
  },
  transformers: {
    summary: 'any sentence encoder in ONNX, by folder or hub id: transformers:NAME',
    load: () => import('./transformers.ts'),
  },
}
