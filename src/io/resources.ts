import { embedders } from '../embedders/registry.ts'
import { UsageError } from '../errors.ts'
import { lookUp } from '../registry.ts'
import { isEndpoint } from '../strategies/label_endpoint.ts'
import type { Cache, Checkpoint, Embedder, Resources } from '../types.ts'
import { defaultEmbedder } from './catalog.ts'
import { readEmbedderTable } from './embedder_table.ts'
import { localModels } from './local_models.ts'

/** Where resources come from. */
export interface ResourceOptions {
  readonly seed?: number
  readonly pair?: Resources['pair']
  /** The weights to create from; absent where the strategy has none or is about to be fitted. */
  readonly checkpoint?: Checkpoint
  /** Embedder id; default: the one the checkpoint was fitted on, else `static`. */
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
  return {
    seed,
    ...(pair ? { pair } : {}),
    keepPrompts,
    models: localModels,
    ...(checkpoint?.model !== undefined && isEndpoint(checkpoint.model)
      ? { postJson: createEndpointPost(checkpoint.model) }
      : {}),
    embedder() {
      made ??= createEmbedder(embedder ?? checkpoint?.metadata.embedder?.id ?? defaultEmbedder, checkpoint)
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

/** A key goes only where it belongs: OpenAI's to OpenAI, another to the endpoint that the user names. */
function createEndpointPost(address: string): NonNullable<Resources['postJson']> {
  const isOpenAi = new URL(address).host === 'api.openai.com'
  const keyVariable = isOpenAi ? 'OPENAI_API_KEY' : 'LLMROUTE_ENDPOINT_KEY'
  return async (url, body) => {
    const { createPostJson } = await import('./post_json.ts')
    return createPostJson({ keyVariable })(url, body)
  }
}

async function createEmbedder(id: string, checkpoint: Checkpoint | undefined): Promise<Embedder> {
  // An embedder's id may carry its model, as in `openai:text-embedding-3-small`.
  const [name = '', ...model] = id.split(':')
  const { create } = await lookUp(embedders, name, 'embedder').load()
  const dimensions = checkpoint?.metadata.embedder?.dimensions
  const baseUrl = process.env.OPENAI_BASE_URL
  const options = {
    ...(dimensions ? { dimensions } : {}),
    ...(model.length > 0 ? { model: model.join(':') } : {}),
    ...(baseUrl ? { baseUrl } : {}),
  }
  // What reaches the outside is loaded only where something does.
  if (name === 'openai') {
    const { createPostJson } = await import('./post_json.ts')
    return create(options, { cache: await openCache(), postJson: createPostJson() })
  }
  if (name !== 'transformers') return create(options, { embedderTable: readEmbedderTable })
  // Training embeds the same prompts for every fold; those that are routed come once, and would fill the disk.
  return create(options, { models: localModels, ...(checkpoint ? {} : { cache: await openCache() }) })
}

async function openCache(): Promise<Cache> {
  const { createEmbeddingCache } = await import('./embedding_cache.ts')
  return createEmbeddingCache()
}
