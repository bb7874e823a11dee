import { cpSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { create } from '../../src/embedders/transformers.ts'
import { createEmbeddingCache } from '../../src/io/embedding_cache.ts'
import { localModels } from '../../src/io/local_models.ts'
import type { SentenceEncoder } from '../../src/model_types.ts'
import { startHubServer } from '../helpers/hub_server.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const MODEL = 'test/fixtures/tiny_encoder'
const folder = temporaryFolder()
const open = (model: string) => create({ model }, { models: localModels })
const words = 'prove that the weather is a square of haiku and more text for them please'.split(' ')
const TEXTS = Array.from({ length: 90 }, (_, i) => words.slice(i % 7, (i % 13) + (i % 7) + 1).join(' ') + i)

/** A copy of the model, to be damaged. */
function copy(name: string): string {
  cpSync(MODEL, join(folder.path, name), { recursive: true })
  return join(folder.path, name)
}

afterEach(() => vi.unstubAllEnvs())

describe.each(['fp32', 'q8'])('%s', dtype => {
  test('a batch of many lengths gives what its texts give one by one', async () => {
    const { dimensions, embed } = await open(`${MODEL}@${dtype}`)
    const rows = await embed(TEXTS)
    let apart = 0
    for (const [i, text] of TEXTS.entries()) {
      const row = await embed([text])
      for (let j = 0; j < dimensions; j++) apart = Math.max(apart, Math.abs(row[j]! - rows[i * dimensions + j]!))
    }
    expect(apart).toBeLessThan(1e-4)
  })
})

test('without a quantisation it is fp32 where there is one, else q8', async () => {
  const both = await open(MODEL)
  expect((await open(`${MODEL}@fp32`)).fingerprint).toBe(both.fingerprint)
  const small = copy('small')
  rmSync(join(small, 'onnx/model.onnx'))
  expect((await open(small)).fingerprint).toBe((await open(`${MODEL}@q8`)).fingerprint)
  expect((await open(small)).fingerprint).not.toBe(both.fingerprint)
})

test('the model may lie at the top of its folder, and the name may say how to pool', async () => {
  const flat = copy('flat')
  cpSync(join(flat, 'onnx/model.onnx'), join(flat, 'model.onnx'))
  rmSync(join(flat, 'onnx'), { recursive: true })
  const [mean, first] = [await open(flat), await open(`${flat}@cls`)]
  expect(mean.fingerprint).toBe((await open(MODEL)).fingerprint)
  expect(first.fingerprint).not.toBe(mean.fingerprint)
  expect(await first.embed(['hi'])).not.toEqual(await mean.embed(['hi']))
})

test('what is read makes the fingerprint, where it lies does not', async () => {
  const moved = copy('moved')
  const { fingerprint } = await open(MODEL)
  expect((await open(moved)).fingerprint).toBe(fingerprint)
  writeFileSync(join(moved, 'sentence_bert_config.json'), '{ "max_seq_length": 20 }')
  expect((await open(moved)).fingerprint).not.toBe(fingerprint)
})

test('no text is embedded twice, and what the cache has is not embedded again', async () => {
  const asked: string[] = []
  const encoder: SentenceEncoder = {
    dimensions: 2,
    fingerprint: 'f',
    async embed(texts) {
      asked.push(...texts)
      return Float32Array.from(texts.flatMap(text => [text.length, 1]))
    },
  }
  const models = { ...localModels, sentenceEncoder: async () => encoder }
  const cache = createEmbeddingCache(join(folder.path, 'cache'))
  const first = await create({ model: 'm' }, { models, cache })
  const rows = await first.embed(['a', 'bb', 'a', ' ', ''])
  expect(asked).toEqual(['a', 'bb'])
  expect([...rows.slice(4)]).toEqual([rows[0], rows[1], 0, 0, 0, 0])
  const second = await create({ model: 'elsewhere' }, { models, cache })
  expect(await second.embed(['bb', 'c', 'a'])).toHaveLength(6)
  expect(asked).toEqual(['a', 'bb', 'c'])
})

describe('errors', () => {
  test.each([
    [
      '',
      'embedder transformers: expected a model, got none. Name a folder or a hub id, such as transformers:Xenova/all-MiniLM-L6-v2.',
    ],
    [
      './nowhere',
      `transformers:./nowhere: expected a folder or a hub id, got no folder ${join(process.cwd(), 'nowhere')}. Where the weights of a checkpoint have moved, say where to with --embedder.`,
    ],
    [
      `${MODEL}@q9`,
      `transformers:${MODEL}@q9: expected one of fp32, fp16, q8, int8, uint8, q4, q4f16, bnb4, mean, cls, max, last, sqrt_mean, weighted behind @, got "q9".`,
    ],
    [
      `${MODEL}@q4`,
      `transformers:${MODEL}@q4: expected onnx/model_q4.onnx or model_q4.onnx in ${join(process.cwd(), MODEL)}, got none. Name another quantisation, or export the model to ONNX (optimum-cli export onnx).`,
    ],
    [
      'test/fixtures',
      `transformers:test/fixtures: expected onnx/model.onnx or model.onnx or onnx/model_quantized.onnx or model_quantized.onnx in ${join(process.cwd(), 'test/fixtures')}, got none. Name another quantisation, or export the model to ONNX (optimum-cli export onnx).`,
    ],
  ])('of the name "%s"', async (model, message) => {
    await expect(open(model)).rejects.toMatchObject({ name: 'UsageError', message })
  })

  test('a model cut short', async () => {
    const model = copy('short')
    truncateSync(join(model, 'onnx/model.onnx'), 1000)
    const start = `${join(model, 'onnx/model.onnx')}: expected a whole ONNX model, got what ONNX Runtime refuses: `
    await expect(open(model)).rejects.toMatchObject({
      name: 'DataError',
      message: expect.stringMatching(new RegExp(`^${start}.* Export or download it again\\.$`)),
    })
  })

  test.each([
    ['tokenizer.json', undefined, ": expected tokenizer.json, got none. Save the model's tokenizer there."],
    ['tokenizer.json', '{}', '/tokenizer.json: expected a tokenizer, got one that fails: '],
    ['modules.json', '[', '/modules.json: expected JSON, got something else. Export or download it again.'],
    [
      'modules.json',
      '[{ "type": "sentence_transformers.models.Dense" }]',
      '/onnx/model.onnx: expected an output sentence_embedding, since modules.json adds a layer of its own, got Dense. Export the model anew.',
    ],
    [
      '1_Pooling/config.json',
      '{ "pooling_mode": "median" }',
      '/1_Pooling: expected pooling modes among cls, max, mean, mean_sqrt_len, weightedmean, lasttoken, got median.',
    ],
  ])('%s with %s', async (file, content, message) => {
    const model = copy('damaged')
    if (content === undefined) rmSync(join(model, file))
    else writeFileSync(join(model, file), content)
    await expect(open(model)).rejects.toMatchObject({
      name: 'DataError',
      message: expect.stringContaining(`${model}${message}`),
    })
    rmSync(model, { recursive: true })
  })

  test('without anything that runs models', async () => {
    await expect(create({ model: MODEL }, {})).rejects.toThrow(
      'transformers: expected a way to run models (resources.models), got none.',
    )
  })
})

describe('the hub', async () => {
  const hub = await startHubServer('org/mini', MODEL)
  afterAll(() => hub.close())
  const cache = join(folder.path, 'hub')
  const kept = join(cache, 'models/org/mini')
  const setUp = (more: Readonly<Record<string, string>> = {}) => {
    for (const [name, value] of Object.entries({
      HF_ENDPOINT: hub.url,
      HF_TOKEN: '',
      LLMROUTE_CACHE: cache,
      ...more,
    })) {
      vi.stubEnv(name, value)
    }
  }

  test('a model is downloaded once, with the token, and works offline from then on', async () => {
    setUp({ HF_TOKEN: 'hf_secret' })
    const { fingerprint, id, embed } = await open('org/mini@q8')
    expect(id).toBe('transformers:org/mini@q8')
    expect(fingerprint).toBe((await open(`${MODEL}@q8`)).fingerprint)
    expect(await embed(['hi'])).toEqual(await (await open(`${MODEL}@q8`)).embed(['hi']))
    expect(hub.requests.every(({ token }) => token === 'Bearer hf_secret')).toBe(true)
    const asked = hub.requests.map(({ path }) => path)
    expect(new Set(asked).size).toBe(asked.length)
    expect(asked).not.toContain('/org/mini/resolve/main/onnx/model.onnx')
    expect(readFileSync(join(kept, 'onnx/model_quantized.onnx'))).toEqual(
      readFileSync(`${MODEL}/onnx/model_quantized.onnx`),
    )
    expect(readdirSync(join(kept, 'onnx')).filter(name => /\.\d+\.\d+$/.test(name))).toEqual([])

    await open('org/mini@q8')
    setUp({ LLMROUTE_OFFLINE: '1' })
    await open('org/mini@q8')
    expect(hub.requests).toHaveLength(asked.length)
  })

  test('offline, what is not cached is said to be', async () => {
    setUp({ LLMROUTE_OFFLINE: '1' })
    await expect(open('org/other')).rejects.toMatchObject({
      name: 'UsageError',
      message: `transformers:org/other: expected its files in ${join(cache, 'models/org/other')}, got none. Nothing may be downloaded: run once without --offline and LLMROUTE_OFFLINE, or name a folder.`,
    })
    await expect(open('org/mini@fp32')).rejects.toMatchObject({
      name: 'UsageError',
      message: `transformers:org/mini@fp32: expected onnx/model.onnx or model.onnx in ${kept}, got none. Nothing may be downloaded: run once without --offline and LLMROUTE_OFFLINE, or name a folder.`,
    })
  })

  test.each([404, 401])('a model that the hub answers %i for', async status => {
    setUp()
    hub.status = status
    await expect(open('org/none')).rejects.toMatchObject({
      name: 'UsageError',
      message: `transformers:org/none: expected a folder or a model of the hub, got status ${status}. Check the name; a model that is not public needs HF_TOKEN.`,
    })
    hub.status = undefined
  })

  test('a hub that fails or cannot be reached', async () => {
    setUp()
    hub.status = 503
    const where = join(cache, 'models/org/none')
    const advice = `Try again later, put the model's files into ${where} and go on with --offline, or name a folder that has them.`
    await expect(open('org/none')).rejects.toMatchObject({
      name: 'UpstreamError',
      message: `${new URL(hub.url).host}: expected config.json of org/none, got status 503. ${advice}`,
    })
    hub.status = undefined
    const closed = await startHubServer('org/mini', MODEL)
    await closed.close()
    setUp({ HF_ENDPOINT: closed.url })
    await expect(open('org/none')).rejects.toMatchObject({
      name: 'UpstreamError',
      message: `${new URL(closed.url).host}: expected config.json of org/none, got no connection (ECONNREFUSED). ${advice}`,
    })
    setUp({ HF_ENDPOINT: 'nonsense' })
    await expect(open('org/none')).rejects.toMatchObject({
      name: 'UsageError',
      message: 'HF_ENDPOINT: expected an address that starts with http:// or https://, got another.',
    })
    expect(existsSync(join(where, 'config.json'))).toBe(false)
  })
})
