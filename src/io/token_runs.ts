import { closeSync, openSync, readSync } from 'node:fs'
import { DataError } from '../errors.ts'
import { loadOnnxRuntime, openOnnxSession } from './onnxruntime.ts'

/** Tokens of a batch, padding counted. On a CPU larger ones are slower: what they hold leaves its cache. */
const BATCH_TOKENS = 256

/** What one batch gave: `data` row-major by `dims`, the first of which is the batch. */
export interface TokenResult {
  readonly data: Float32Array
  readonly dims: readonly number[]
  /** Which of the texts are in the batch, by row. */
  readonly places: readonly number[]
}

/** An ONNX model that takes the token ids of texts. */
export interface TokenModel {
  readonly outputNames: readonly string[]
  /** Runs all texts in batches of like length. Throws DataError where the model does not give finite numbers for them. */
  run(texts: readonly (readonly number[])[], output: string): AsyncGenerator<TokenResult>
}

/**
 * Opens a model that takes `input_ids`, and `attention_mask`, `token_type_ids` and `position_ids` where it wants them.
 * @param padding the id that shorter texts are filled up with.
 * @throws DataError where the file is no such model; UsageError where ONNX Runtime is absent.
 */
export async function openTokenModel(file: string, padding: number): Promise<TokenModel> {
  const { Tensor } = await loadOnnxRuntime()
  const session = await openOnnxSession(file)
  const inputs: Readonly<Record<string, (ids: readonly number[], place: number) => number>> = {
    input_ids: (ids, place) => ids[place] ?? padding,
    attention_mask: (ids, place) => (place < ids.length ? 1 : 0),
    token_type_ids: () => 0,
    position_ids: (_, place) => place,
  }
  const foreign = session.inputNames.find(name => !Object.hasOwn(inputs, name))
  if (foreign !== undefined) throw misfit(file, `inputs ${Object.keys(inputs).join(', ')}`, foreign)
  const mostTokens = isRoundedByBatch(file) ? 1 : BATCH_TOKENS
  return {
    outputNames: session.outputNames,
    async *run(texts, output) {
      for (const places of batchesOf(texts, mostTokens)) {
        const batch = places.map(place => texts[place]!)
        const results = await session.run(feedsOf(batch), [output]).catch((error: Error) => {
          throw misfit(file, `a model that runs on ${batch.length} texts`, error.message.split('\n')[0]!)
        })
        const { data, dims, type } = results[output]!
        if (!(data instanceof Float32Array)) throw misfit(file, `${output} in float32`, type)
        if (!data.every(Number.isFinite)) throw misfit(file, `finite numbers in ${output}`, 'others')
        yield { data, dims, places }
      }
    },
  }

  function feedsOf(batch: readonly (readonly number[])[]) {
    const length = Math.max(...batch.map(ids => ids.length))
    return Object.fromEntries(
      session.inputNames.map(name => {
        const values = new BigInt64Array(batch.length * length)
        for (const [i, ids] of batch.entries()) {
          for (let place = 0; place < length; place++) values[i * length + place] = BigInt(inputs[name]!(ids, place))
        }
        return [name, new Tensor('int64', values, [batch.length, length])]
      }),
    )
  }
}

/** A model that is not what it has to be. */
export function misfit(file: string, expected: string, got: string): DataError {
  return new DataError(file, undefined, `expected ${expected}, got ${got.slice(0, 200)}. Export the model anew.`)
}

/** Places of texts by length, so that little of a batch is padding. */
function* batchesOf(texts: readonly (readonly number[])[], mostTokens: number): Generator<number[]> {
  const order = Array.from(texts.keys()).sort((a, b) => texts[a]!.length - texts[b]!.length)
  let batch: number[] = []
  for (const place of order) {
    if (batch.length > 0 && (batch.length + 1) * texts[place]!.length > mostTokens) {
      yield batch
      batch = []
    }
    batch.push(place)
  }
  if (batch.length > 0) yield batch
}

/**
 * Whether a model rounds what flows through it to 8 bits by the largest number of the batch: then a text's result would depend
 * on what else is in the batch, and texts go through one by one.
 */
function isRoundedByBatch(file: string): boolean {
  const sign = 'DynamicQuantize'
  const window = Buffer.alloc(1 << 20)
  const handle = openSync(file, 'r')
  try {
    let kept = 0
    for (;;) {
      const read = readSync(handle, window, kept, window.length - kept, null)
      if (read === 0) return false
      const seen = window.subarray(0, kept + read)
      if (seen.includes(sign)) return true
      kept = Math.min(sign.length, seen.length)
      seen.copy(window, 0, seen.length - kept)
    }
  } finally {
    closeSync(handle)
  }
}
