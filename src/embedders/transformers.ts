import { UsageError } from '../errors.ts'
import { normalize } from '../math/vectors.ts'
import type { Embedder, Resources } from '../types.ts'
import type { EmbedderOptions } from './registry.ts'

/** Texts that are embedded before what was found is kept: an interrupted training loses no more. */
const KEPT_AT_ONCE = 512

/**
 * Any sentence encoder in the Hugging Face ONNX layout, from a folder or the hub. No text is embedded twice in a call; what the
 * cache has is not embedded again. A blank text gives a zero row.
 * @param options `model`: a folder or hub id, with `@q8` and the like behind it.
 * @throws UsageError where no model is named, or nothing here runs one; and as the models do.
 */
export async function create(
  { model = '' }: EmbedderOptions,
  { models, cache }: Pick<Resources, 'models' | 'cache'>,
): Promise<Embedder> {
  if (!models) throw new UsageError('transformers: expected a way to run models (resources.models), got none.')
  const { dimensions, fingerprint, embed } = await models.sentenceEncoder(model)
  const keyOf = (text: string) => JSON.stringify(['transformers', fingerprint, text])

  async function rowsOf(texts: readonly string[]): Promise<Map<string, Float32Array>> {
    const found = new Map<string, Float32Array>()
    const missing: string[] = []
    for (const text of new Set(texts)) {
      const cached = await cache?.get(keyOf(text))
      if (cached?.length === dimensions) found.set(text, cached)
      else missing.push(text)
    }
    for (let from = 0; from < missing.length; from += KEPT_AT_ONCE) {
      const batch = missing.slice(from, from + KEPT_AT_ONCE)
      const rows = await embed(batch)
      for (const [i, text] of batch.entries()) {
        const row = rows.slice(i * dimensions, (i + 1) * dimensions)
        found.set(text, row)
        await cache?.set(keyOf(text), row)
      }
    }
    return found
  }

  return {
    id: `transformers:${model}`,
    dimensions,
    fingerprint,
    async embed(texts) {
      const rows = await rowsOf(texts.filter(text => text.trim() !== ''))
      const vectors = new Float32Array(texts.length * dimensions)
      for (const [i, text] of texts.entries()) {
        const row = rows.get(text)
        if (!row) continue
        vectors.set(row, i * dimensions)
        normalize(vectors.subarray(i * dimensions, (i + 1) * dimensions))
      }
      return vectors
    },
  }
}
