import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { poolTokens } from '../math/token_pooling.ts'
import type { SentenceEncoder } from '../model_types.ts'
import { type ModelSource, openModelSource } from './model_source.ts'
import { loadOnnxRuntime } from './onnxruntime.ts'
import { readSentenceSettings, type SentenceSettings } from './sentence_settings.ts'
import { openSentenceTokens } from './sentence_tokens.ts'
import { misfit, openTokenModel } from './token_runs.ts'
import { loadTransformers } from './transformers.ts'

/** Outputs that hold rows already, and outputs that hold the vectors of tokens. */
const ROWS = ['sentence_embedding', 'text_embeds']
const TOKENS = ['last_hidden_state', 'token_embeddings', 'hidden_states']

/**
 * A sentence encoder in the Hugging Face ONNX layout: texts in batches of like length, pooled as the model card says.
 * @param source a folder or a hub id, with `@q8` and the like behind it (`openModelSource`).
 * @throws UsageError where a package or the model is absent; DataError where its files cannot be used; UpstreamError of the hub.
 */
export async function openSentenceEncoder(source: string): Promise<SentenceEncoder> {
  // First, since without them there is no use in downloading.
  await loadTransformers()
  await loadOnnxRuntime()
  const model = await openModelSource(source)
  const settings = withAsked(await readSentenceSettings(model.folder), model)
  const tokens = await openSentenceTokens(model.folder, settings)
  const network = await openTokenModel(model.file, tokens.padding)
  const output = outputOf(network.outputNames, settings, model.file)

  async function embed(texts: readonly string[]): Promise<readonly Float32Array[]> {
    const rows = new Array<Float32Array>(texts.length)
    const ids = texts.map(tokens.encode)
    for await (const { data, dims, places } of network.run(ids, output)) {
      const counts = places.map(place => ids[place]!.length)
      const vectors = { data, tokens: dims[1]!, width: dims.at(-1)! }
      const found = dims.length === 2 ? data : poolTokens(vectors, counts, settings.poolings)
      const width = found.length / places.length
      for (const [i, place] of places.entries()) rows[place] = found.subarray(i * width, (i + 1) * width)
    }
    return rows
  }

  const [{ length: dimensions }] = (await embed(['a'])) as [Float32Array]
  return {
    dimensions,
    fingerprint: await fingerprintOf(model, settings),
    async embed(texts) {
      const rows = new Float32Array(texts.length * dimensions)
      for (const [i, row] of (await embed(texts)).entries()) rows.set(row, i * dimensions)
      return rows
    },
  }
}

function withAsked(settings: SentenceSettings, { pooling }: ModelSource): SentenceSettings {
  return pooling === undefined ? settings : { ...settings, poolings: [pooling] }
}

/** The name of the output to read. Throws DataError where there is none, or more would have to be done than is known here. */
function outputOf(outputNames: readonly string[], { missing }: SentenceSettings, file: string): string {
  const pooled = outputNames.find(name => ROWS.includes(name))
  if (pooled) return pooled
  if (missing.length > 0) {
    throw misfit(file, 'an output sentence_embedding, since modules.json adds a layer of its own', missing.join(', '))
  }
  const found = outputNames.find(name => TOKENS.includes(name))
  if (found) return found
  throw misfit(file, `an output ${[...ROWS, ...TOKENS].join(', ')}`, outputNames.join(', '))
}

async function fingerprintOf({ folder, file }: ModelSource, settings: SentenceSettings): Promise<string> {
  const network = createHash('sha256')
  for await (const chunk of createReadStream(file)) network.update(chunk)
  const tokenizer = await readFile((await folder.find('tokenizer.json'))!)
  return createHash('sha256')
    .update(network.digest('hex'))
    .update(tokenizer)
    .update(JSON.stringify(settings))
    .digest('hex')
    .slice(0, 16)
}
