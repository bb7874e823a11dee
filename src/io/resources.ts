import { embedders } from '../embedders/registry.ts'
import { UsageError } from '../errors.ts'
import { lookUp } from '../registry.ts'
import type { Checkpoint, Embedder, Resources } from '../types.ts'
import { createEmbeddingCache } from './embedding_cache.ts'
import { createPostJson } from './post_json.ts'

/** Where resources come from. */
export interface ResourceOptions {
  readonly seed?: number
  readonly pair?: Resources['pair']
  /** The weights to create from; absent where the strategy has none or is about to be fitted. */
  readonly checkpoint?: Checkpoint
  /** Embedder id; default: the one the checkpoint was fitted on, else `hashing`. */
  readonly embedder?: string
  readonly keepPrompts?: boolean
}

/** What a strategy may ask for, each made on first use. */
export function createResources({
  seed = 0,
  pair,
  checkpoint,
  embedder,
  keepPrompts = false,
}: ResourceOptions): Resources {
  let made: Promise<Embedder> | undefined
  const cache = createEmbeddingCache()
  const postJson = createPostJson()
  return {
    seed,
    ...(pair ? { pair } : {}),
    keepPrompts,
    cache,
    postJson,
    embedder() {
      made ??= createEmbedder(
        embedder ?? checkpoint?.metadata.embedder?.id ?? 'hashing',
        { cache, postJson },
        checkpoint,
      )
      return made
    },
    async checkpoint() {
      if (checkpoint) return checkpoint
      throw new UsageError(
        'expected a checkpoint, got none. Name one with --checkpoint, or make one with llmroute train.',
      )
    },
  }
}

async function createEmbedder(
  id: string,
  resources: Pick<Resources, 'postJson' | 'cache'>,
  checkpoint: Checkpoint | undefined,
): Promise<Embedder> {
  // An embedder's id may carry its model, as in `openai:text-embedding-3-small`.
  const [name, ...model] = id.split(':')
  const dimensions = checkpoint?.metadata.embedder?.dimensions
  const { create } = await lookUp(embedders, name!, 'embedder').load()
  const baseUrl = process.env.OPENAI_BASE_URL
  return create(
    {
      ...(dimensions ? { dimensions } : {}),
      ...(model.length ? { model: model.join(':') } : {}),
      ...(baseUrl ? { baseUrl } : {}),
    },
    resources,
  )
}
