import { UpstreamError, UsageError } from '../errors.ts'
import { normalize } from '../math/vectors.ts'
import type { Embedder, Resources } from '../types.ts'
import type { EmbedderOptions } from './registry.ts'

const DEFAULT_URL = 'https://api.openai.com/v1'
const DEFAULT_MODEL = 'text-embedding-3-small'
/** Lengths of vectors where none is asked for. The length of other models is found by asking. */
const NATIVE_DIMENSIONS: Readonly<Record<string, number>> = {
  'text-embedding-3-small': 1536,
  'text-embedding-3-large': 3072,
  'text-embedding-ada-002': 1536,
}
const MOST_INPUTS = 2048
/** OpenAI allows 300,000 a request and 8,192 an input; both are kept at some distance, the count being an estimate. */
const MOST_TOKENS = 200_000
const MOST_TOKENS_PER_INPUT = 8000
/** An ASCII character is a quarter of a token or so, any other up to a whole one. */
const ASCII_TOKENS = 1 / 3

/**
 * Any OpenAI-compatible `/v1/embeddings`. Texts go out in batches within the endpoint's limits, none twice; what the cache
 * has is not asked for. Long texts are cut at about 8,000 tokens; a blank one gives a zero row and is not sent.
 * @param options `baseUrl` without a trailing slash, `model`, and `dimensions` where the model has several.
 * @throws UsageError without `postJson`; UpstreamError where the endpoint fails or gives vectors of another length.
 */
export async function create(
  { dimensions, baseUrl = DEFAULT_URL, model = DEFAULT_MODEL }: EmbedderOptions,
  { postJson, cache }: Pick<Resources, 'postJson' | 'cache'>,
): Promise<Embedder> {
  if (!postJson) throw new UsageError('openai: expected a way to reach the endpoint (resources.postJson), got none.')
  const url = `${baseUrl.replace(/\/+$/, '')}/embeddings`
  const native = Object.hasOwn(NATIVE_DIMENSIONS, model) ? NATIVE_DIMENSIONS[model] : undefined
  const isShortened = dimensions !== undefined && native !== undefined && dimensions !== native
  const keyOf = (text: string) => JSON.stringify([url, model, isShortened ? dimensions : null, text])

  async function fetchBatch(texts: readonly string[]): Promise<Float32Array[]> {
    const answer = await postJson!(url, { model, input: texts, ...(isShortened ? { dimensions } : {}) })
    const vectors = vectorsOf(answer, texts.length, url)
    await Promise.all(vectors.map((vector, i) => cache?.set(keyOf(texts[i]!), vector)))
    return vectors
  }

  async function vectorsByText(texts: readonly string[]): Promise<Map<string, Float32Array>> {
    const found = new Map<string, Float32Array>()
    const missing: string[] = []
    for (const text of new Set(texts)) {
      const cached = text === '' ? undefined : await cache?.get(keyOf(text))
      if (cached) found.set(text, cached)
      else if (text !== '') missing.push(text)
    }
    for (const batch of batchesOf(missing)) {
      for (const [i, vector] of (await fetchBatch(batch)).entries()) found.set(batch[i]!, vector)
    }
    return found
  }

  const width = dimensions ?? native ?? (await vectorsByText(['length'])).get('length')!.length
  return {
    id: `openai:${model}`,
    dimensions: width,
    async embed(texts) {
      const inputs = texts.map(inputOf)
      const found = await vectorsByText(inputs)
      const vectors = new Float32Array(texts.length * width)
      for (const [i, input] of inputs.entries()) {
        if (input === '') continue
        const vector = found.get(input)!
        if (vector.length !== width) {
          throw new UpstreamError(
            `${new URL(url).host}: expected vectors of ${width} numbers, got ${vector.length}. Check the name of the model.`,
          )
        }
        vectors.set(vector, i * width)
        normalize(vectors.subarray(i * width, (i + 1) * width))
      }
      return vectors
    },
  }
}

/** What is sent for a text: cut to length, without lone surrogates, which are no UTF-8; '' for a blank one. */
function inputOf(text: string): string {
  if (text.trim() === '') return ''
  let tokens = 0
  let end = 0
  while (end < text.length && tokens < MOST_TOKENS_PER_INPUT) tokens += text.charCodeAt(end++) < 128 ? ASCII_TOKENS : 1
  return text.slice(0, end).replace(/\p{Surrogate}/gu, '\ufffd')
}

function* batchesOf(texts: readonly string[]): Generator<string[]> {
  let batch: string[] = []
  let tokens = 0
  for (const text of texts) {
    const more = tokensOf(text)
    if (batch.length === MOST_INPUTS || (batch.length > 0 && tokens + more > MOST_TOKENS)) {
      yield batch
      batch = []
      tokens = 0
    }
    batch.push(text)
    tokens += more
  }
  if (batch.length > 0) yield batch
}

function tokensOf(text: string): number {
  let tokens = 0
  for (let i = 0; i < text.length; i++) tokens += text.charCodeAt(i) < 128 ? ASCII_TOKENS : 1
  return tokens
}

/** The vectors of an answer, put in order by `index`. Throws UpstreamError where there is not one for each input. */
function vectorsOf(answer: unknown, count: number, url: string): Float32Array[] {
  const { data } = (answer ?? {}) as { data?: unknown }
  const vectors = new Array<Float32Array | undefined>(count).fill(undefined)
  for (const item of Array.isArray(data) ? data : []) {
    const { index, embedding } = (item ?? {}) as { index?: unknown; embedding?: unknown }
    if (typeof index === 'number' && index in vectors && isVector(embedding))
      vectors[index] = Float32Array.from(embedding)
  }
  const whole = vectors.filter(vector => vector !== undefined)
  if (whole.length === count) return whole
  throw new UpstreamError(
    `${new URL(url).host}: expected ${count} embeddings with an index each, got ${whole.length}. Is this an OpenAI-compatible /embeddings endpoint?`,
  )
}

function isVector(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.every(number => Number.isFinite(number))
}
