import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { DataError } from '../errors.ts'
import { poolTokens } from '../math/token_pooling.ts'
import type { SentenceEncoder } from '../model_types.ts'
import { type ModelSource, openModelSource } from './model_source.ts'
import { loadOnnxRuntime, type OnnxSession, openOnnxSession } from './onnxruntime.ts'
import { readSentenceSettings, type SentenceSettings } from './sentence_settings.ts'
import { openSentenceTokens } from './sentence_tokens.ts'
import { loadTransformers } from './transformers.ts'

/** Tokens of a batch, padding counted. On a CPU larger ones are slower: what they hold leaves its cache. */
const BATCH_TOKENS = 256
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
  const { Tensor } = await loadOnnxRuntime()
  const model = await openModelSource(source)
  const settings = withAsked(await readSentenceSettings(model.folder), model)
  const tokens = await openSentenceTokens(model.folder, settings)
  const { digest, isDynamic } = await inspect(model.file)
  const session = await openOnnxSession(model.file)
  const output = outputOf(session, settings, model.file)

  async function run(batch: readonly (readonly number[])[]): Promise<Float32Array> {
    const length = Math.max(...batch.map(ids => ids.length))
    const fill = (valueAt: (ids: readonly number[], place: number) => number) => {
      const values = new BigInt64Array(batch.length * length)
      for (const [i, ids] of batch.entries()) {
        for (let j = 0; j < length; j++) values[i * length + j] = BigInt(valueAt(ids, j))
      }
      return new Tensor('int64', values, [batch.length, length])
    }
    const inputs: Readonly<Record<string, () => InstanceType<typeof Tensor>>> = {
      input_ids: () => fill((ids, place) => ids[place] ?? tokens.padding),
      attention_mask: () => fill((ids, place) => (place < ids.length ? 1 : 0)),
      token_type_ids: () => fill(() => 0),
      position_ids: () => fill((_, place) => place),
    }
    const feeds = Object.fromEntries(
      session.inputNames.map(name => {
        if (!Object.hasOwn(inputs, name)) throw misfit(model.file, `inputs ${Object.keys(inputs).join(', ')}`, name)
        return [name, inputs[name]!()]
      }),
    )
    const results = await session.run(feeds, [output]).catch((error: Error) => {
      throw misfit(model.file, `to run on ${batch.length} × ${length} tokens`, error.message.split('\n')[0]!)
    })
    const { data, dims } = results[output]!
    if (!(data instanceof Float32Array)) throw misfit(model.file, `${output} in float32`, results[output]!.type)
    const width = dims.at(-1)!
    const counts = batch.map(ids => ids.length)
    const rows = dims.length === 2 ? data : poolTokens({ data, tokens: length, width }, counts, settings.poolings)
    if (rows.every(Number.isFinite)) return rows
    throw misfit(model.file, 'finite numbers', `others from a batch of ${batch.length}`)
  }

  const dimensions = (await run([tokens.encode('a')])).length
  return {
    dimensions,
    fingerprint: await fingerprintOf(model, settings, digest),
    async embed(texts) {
      const rows = new Float32Array(texts.length * dimensions)
      const ids = texts.map(tokens.encode)
      for (const batch of batchesOf(ids, isDynamic ? 1 : BATCH_TOKENS)) {
        const found = await run(batch.map(place => ids[place]!))
        for (const [i, place] of batch.entries()) {
          rows.set(found.subarray(i * dimensions, (i + 1) * dimensions), place * dimensions)
        }
      }
      return rows
    },
  }
}

function withAsked(settings: SentenceSettings, { pooling }: ModelSource): SentenceSettings {
  return pooling === undefined ? settings : { ...settings, poolings: [pooling] }
}

/** The name of the output to read. Throws DataError where there is none, or more would have to be done than is known here. */
function outputOf({ outputNames }: OnnxSession, { missing }: SentenceSettings, file: string): string {
  const pooled = outputNames.find(name => ROWS.includes(name))
  if (pooled) return pooled
  if (missing.length > 0) {
    throw misfit(file, 'an output sentence_embedding, since modules.json adds a layer of its own', missing.join(', '))
  }
  const found = outputNames.find(name => TOKENS.includes(name))
  if (found) return found
  throw misfit(file, `an output ${[...ROWS, ...TOKENS].join(', ')}`, outputNames.join(', '))
}

/** Places of texts by length, so that little of a batch is padding. */
function* batchesOf(ids: readonly (readonly number[])[], mostTokens: number): Generator<number[]> {
  const order = Array.from(ids.keys()).sort((a, b) => ids[a]!.length - ids[b]!.length)
  let batch: number[] = []
  for (const place of order) {
    if (batch.length > 0 && (batch.length + 1) * ids[place]!.length > mostTokens) {
      yield batch
      batch = []
    }
    batch.push(place)
  }
  if (batch.length > 0) yield batch
}

/**
 * The SHA-256 of a model, and whether it rounds what flows through it to 8 bits by the largest number of a batch: then a row
 * would depend on what else is in the batch, and texts go through one by one.
 */
async function inspect(file: string): Promise<{ digest: string; isDynamic: boolean }> {
  const hash = createHash('sha256')
  let isDynamic = false
  let end = Buffer.alloc(0)
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    hash.update(chunk)
    isDynamic ||= Buffer.concat([end, chunk]).includes('DynamicQuantize')
    end = chunk.subarray(-16)
  }
  return { digest: hash.digest('hex'), isDynamic }
}

async function fingerprintOf({ folder }: ModelSource, settings: SentenceSettings, digest: string): Promise<string> {
  const tokenizer = await readFile((await folder.find('tokenizer.json'))!)
  return createHash('sha256')
    .update(digest)
    .update(tokenizer)
    .update(JSON.stringify(settings))
    .digest('hex')
    .slice(0, 16)
}

function misfit(file: string, expected: string, got: string): DataError {
  return new DataError(file, undefined, `expected ${expected}, got ${got.slice(0, 200)}. Export the model anew.`)
}
