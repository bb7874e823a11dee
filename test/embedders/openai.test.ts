import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { create } from '../../src/embedders/openai.ts'
import { UpstreamError, UsageError } from '../../src/errors.ts'
import { createEmbeddingCache } from '../../src/io/embedding_cache.ts'
import { createPostJson } from '../../src/io/post_json.ts'
import { type EmbeddingsServer, startEmbeddingsServer } from '../helpers/embeddings_server.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const postJson = createPostJson({ sleep: async () => undefined })
let server: EmbeddingsServer
beforeAll(async () => {
  server = await startEmbeddingsServer(8)
})
afterAll(() => server.close())
beforeEach(() => {
  server.requests.length = 0
})
afterEach(() => {
  server.failures.length = 0
})

const options = (more: object = {}) => ({ baseUrl: server.url, model: 'some-model', dimensions: 8, ...more })
const inputs = () => server.requests.map(({ body }) => body.input)

test('order is restored by index, vectors are of unit length', async () => {
  const embedder = await create(options(), { postJson })
  const both = await embedder.embed(['one', 'two'])
  const [two] = [await embedder.embed(['two'])]
  expect(both.slice(8)).toEqual(two)
  expect(Math.hypot(...both.subarray(0, 8))).toBeCloseTo(1, 6)
  expect(embedder.id).toBe('openai:some-model')
})

test('batches hold at most 2,048 texts and stay within the tokens of a request; repeats are sent once', async () => {
  const embedder = await create(options(), { postJson })
  await embedder.embed(Array.from({ length: 5000 }, (_, i) => `text ${i % 4500}`))
  expect(inputs().map(texts => texts.length)).toEqual([2048, 2048, 404])
  server.requests.length = 0
  await embedder.embed(Array.from({ length: 30 }, (_, i) => `${i} ${'long '.repeat(10_000)}`))
  expect(inputs().map(texts => texts.length)).toEqual([24, 6])
  for (const text of inputs().flat()) expect(text.length).toBeLessThanOrEqual(24_001)
})

test('a blank text is a row of zeros and is not sent', async () => {
  const embedder = await create(options(), { postJson })
  expect(await embedder.embed(['', ' \n'])).toEqual(new Float32Array(16))
  expect(inputs()).toEqual([])
})

test('dimensions are asked for only where they are not the model’s own', async () => {
  await (await create({ baseUrl: server.url, dimensions: 5 }, { postJson })).embed(['a'])
  expect(server.requests[0]!.body).toEqual({ model: 'text-embedding-3-small', input: ['a'], dimensions: 5 })
  await (await create(options(), { postJson })).embed(['a'])
  expect(server.requests[1]!.body).toEqual({ model: 'some-model', input: ['a'] })
})

test('the length of an unknown model’s vectors is found by asking', async () => {
  expect((await create({ baseUrl: `${server.url}/`, model: 'other' }, { postJson })).dimensions).toBe(8)
})

test('what is on disk is not asked for again, by another embedder either', async () => {
  const first = await create(options(), { postJson, cache: createEmbeddingCache(folder.path) })
  const vectors = await first.embed(['secret plan', 'b'])
  const second = await create(options(), { postJson, cache: createEmbeddingCache(folder.path) })
  server.requests.length = 0
  expect(await second.embed(['b', 'secret plan', 'c'])).toEqual(
    Float32Array.from([...vectors.slice(8), ...vectors.slice(0, 8), ...(await second.embed(['c']))]),
  )
  expect(inputs()).toEqual([['c']])
})

test('vectors of another length are an UpstreamError that says so', async () => {
  const embedder = await create(options({ dimensions: 9 }), { postJson })
  await expect(embedder.embed(['private'])).rejects.toThrow(
    /^127\.0\.0\.1:\d+: expected vectors of 9 numbers, got 8\. Check the name of the model\.$/,
  )
})

test.each([
  ['{}', 0],
  ['{"data":[{"index":0,"embedding":[1,2]},{"index":0,"embedding":[1,2]}]}', 1],
  ['{"data":[{"index":0,"embedding":[1,2]},{"index":7,"embedding":[1,2]}]}', 1],
  ['{"data":[{"index":0,"embedding":["a"]},{"index":1,"embedding":[]}]}', 0],
  ['null', 0],
])('an answer that is not one vector per text: %s', async (body, got) => {
  const embedder = await create(options(), { postJson })
  server.failures.push({ status: 200, body })
  const failed = embedder.embed(['private words', 'b'])
  await expect(failed).rejects.toThrow(UpstreamError)
  await expect(failed).rejects.toThrow(`expected 2 embeddings with an index each, got ${got}.`)
  await expect(failed).rejects.not.toThrow('private')
})

test('without a way to reach the endpoint it says what is missing', async () => {
  await expect(create(options(), {})).rejects.toThrow(UsageError)
})
