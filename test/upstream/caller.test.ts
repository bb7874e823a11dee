import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Model } from '../../src/types.ts'
import { createCaller } from '../../src/upstream/caller.ts'
import type { Caller, ChatCall, UpstreamOptions } from '../../src/upstream/upstream_types.ts'
import { type FaultServer, startFaultServer } from '../helpers/fault_server.ts'

const KEY = 'sk-do-not-print-me'
const body = { messages: [{ role: 'user', content: 'do not print me either' }], temperature: 0 }
let server: FaultServer
let other: FaultServer
let model: Model
let spare: Model
const callers: Caller[] = []
const waits: number[] = []

beforeAll(async () => {
  server = await startFaultServer()
  other = await startFaultServer()
  process.env.TEST_UPSTREAM_KEY = KEY
  const prices = { inputPrice: 2, cachedInputPrice: 1, outputPrice: 10 }
  model = { id: 'big', ...prices, endpoint: { baseUrl: server.url, name: 'big-1', keyVariable: 'TEST_UPSTREAM_KEY' } }
  spare = { id: 'spare', endpoint: { baseUrl: other.url } }
})
afterAll(async () => {
  delete process.env.TEST_UPSTREAM_KEY
  await Promise.all([server.close(), other.close()])
})
beforeEach(() => {
  waits.length = 0
  for (const { requests, faults } of [server, other]) requests.length = faults.length = 0
})
afterEach(async () => {
  await Promise.all(callers.splice(0).map(caller => caller.close()))
})

/** Waits cost no time; the random number is always one half. */
function caller(options: UpstreamOptions = {}): Caller {
  const sleep = async (milliseconds: number) => {
    waits.push(milliseconds)
  }
  const created = createCaller({ sleep, random: () => 0.5, ...options })
  callers.push(created)
  return created
}

const ask = (call: Partial<ChatCall> = {}, options?: UpstreamOptions) =>
  caller(options).call({ models: [model], body, ...call })

test('an answer: text, tokens, dollars, and the request as it was, with the name of the model', async () => {
  const sent = {
    ...body,
    seed: 7,
    tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
  }
  const answer = await ask({ body: sent })
  expect(answer).toMatchObject({
    model: 'big',
    text: 'Grüße, 世界 🌍!',
    finishReason: 'stop',
    usage: { inputTokens: 1000, outputTokens: 100, cachedInputTokens: 400, isEstimated: false },
    isCached: false,
    attempts: [{ model: 'big', status: 200 }],
    body: { object: 'chat.completion', choices: [{ index: 0 }] },
  })
  // 600 at 2, 400 at 1, 100 at 10 dollars a million
  expect(answer.cost).toBeCloseTo(0.0026, 12)
  const [request] = server.requests
  expect(request).toMatchObject({ path: '/v1/chat/completions', body: { ...sent, model: 'big-1' } })
  expect(request!.headers.authorization).toBe(`Bearer ${KEY}`)
  expect(request!.body).not.toHaveProperty('stream')
})

test('streamed: the pieces are the answer, characters that were cut in two included', async () => {
  const pieces: string[] = []
  const answer = await ask({ onText: text => pieces.push(text) })
  expect(pieces.length).toBeGreaterThan(5)
  expect(pieces.join('')).toBe('Grüße, 世界 🌍!')
  expect(answer).toMatchObject({ text: 'Grüße, 世界 🌍!', usage: { inputTokens: 1000 }, finishReason: 'stop' })
  expect(server.requests[0]!.body).toMatchObject({ stream: true, stream_options: { include_usage: true } })
})

test.each([{ isStreamed: false }, { isStreamed: true }])('Anthropic, streamed: $isStreamed', async ({ isStreamed }) => {
  const claude: Model = {
    id: 'claude',
    inputPrice: 3,
    cachedInputPrice: 0.3,
    outputPrice: 15,
    endpoint: { baseUrl: `${server.url}/`, api: 'anthropic', keyVariable: 'TEST_UPSTREAM_KEY' },
  }
  const pieces: string[] = []
  const answer = await ask({ models: [claude], ...(isStreamed ? { onText: text => pieces.push(text) } : {}) })
  expect(answer).toMatchObject({
    text: 'Grüße, 世界 🌍!',
    finishReason: 'stop',
    usage: { inputTokens: 1000, outputTokens: 100, cachedInputTokens: 400, isEstimated: false },
  })
  expect(pieces.join('')).toBe(isStreamed ? answer.text : '')
  expect(answer.cost).toBeCloseTo((600 * 3 + 400 * 0.3 + 100 * 15) / 1e6, 12)
  const [request] = server.requests
  expect(request!.path).toBe('/v1/messages')
  expect(request!.headers).toMatchObject({ 'x-api-key': KEY, 'anthropic-version': '2023-06-01' })
  expect(request!.headers).not.toHaveProperty('authorization')
})

test('Azure: the key in its own header, the version in the address', async () => {
  const endpoint = {
    baseUrl: `${server.url}/openai/deployments/d`,
    keyHeader: 'api-key',
    keyVariable: 'TEST_UPSTREAM_KEY',
    query: { 'api-version': '2024-10-21' },
    headers: { 'X-Team': 'a' },
  } as const
  await ask({ models: [{ id: 'azure', endpoint }] })
  expect(server.requests[0]).toMatchObject({
    path: '/v1/openai/deployments/d/chat/completions?api-version=2024-10-21',
    headers: { 'api-key': KEY, 'x-team': 'a' },
  })
})

test('an answer that does not say its tokens: they are counted, and marked', async () => {
  server.hasUsage = false
  const answer = await ask().finally(() => {
    server.hasUsage = true
  })
  // 23 and 21 bytes of UTF-8, four a token
  expect(answer.usage).toEqual({ inputTokens: 6, outputTokens: 6, isEstimated: true })
})

test('tools count beside the text where nobody says', async () => {
  server.hasUsage = false
  const tools = [{ type: 'function', function: { name: 'look', description: 'x'.repeat(6000) } }]
  const answer = await ask({ body: { ...body, tools } }).finally(() => {
    server.hasUsage = true
  })
  expect(answer.usage.inputTokens).toBeGreaterThan(2000)
})

test('a model without prices has no cost, one without a key variable sends none', async () => {
  const answer = await ask({ models: [spare] })
  expect(answer).not.toHaveProperty('cost')
  expect(other.requests[0]!.headers).not.toHaveProperty('authorization')
})

test('what the user must set is said before anything is sent', async () => {
  const without = { ...model, endpoint: { ...model.endpoint!, keyVariable: 'TEST_UPSTREAM_NONE' } }
  await expect(ask({ models: [without] })).rejects.toThrow(
    'Model big: expected a key in the environment variable TEST_UPSTREAM_NONE, got none. Set it.',
  )
  await expect(ask({ models: [{ id: 'bare' }] })).rejects.toThrow(
    'Model bare: expected a base_url to call it, got none. Set it in llmroute.yaml (llmroute init writes one).',
  )
  await expect(ask({ models: [{ id: 'odd', endpoint: { baseUrl: 'file:///etc' } }] })).rejects.toThrow(
    'Model odd: expected a base_url that starts with http:// or https://, got another. Correct it.',
  )
  process.env.TEST_UPSTREAM_ODD = 'sk-1\nhost: elsewhere'
  const odd = { ...model, endpoint: { ...model.endpoint!, keyVariable: 'TEST_UPSTREAM_ODD' } }
  const error = await ask({ models: [odd] }).catch((thrown: Error) => thrown)
  expect(error).toMatchObject({ name: 'UsageError' })
  expect(String(error)).not.toContain('elsewhere')
  delete process.env.TEST_UPSTREAM_ODD
  expect(server.requests).toEqual([])
})

test('an aborted call ends at once, and its request with it', async () => {
  server.faults.push({ kind: 'silent' })
  const controller = new AbortController()
  const before = server.aborted()
  const pending = ask({ signal: controller.signal })
  while (server.requests.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
  controller.abort(new Error('enough'))
  await expect(pending).rejects.toThrow('enough')
  while (server.aborted() === before) await new Promise(resolve => setTimeout(resolve, 5))
  await expect(ask({ signal: controller.signal })).rejects.toThrow('enough')
})

test('connections are kept open, and statistics with them', async () => {
  const { call, statistics } = caller()
  const before = server.connections()
  for (let i = 0; i < 20; i++) await call({ models: [model], body })
  // undici gives a connection back one turn of the event loop after the answer.
  expect(server.connections() - before).toBeLessThanOrEqual(4)
  expect(statistics.of('big')).toMatchObject({ requests: 20, errors: 0, inFlight: 0, outputTokens: 100, isOpen: false })
  expect(statistics.of('big').latency).toBeGreaterThan(0)
})

test('at most so many requests at a time', async () => {
  const { call } = caller({ maxConcurrency: 3 })
  const slow = await startFaultServer()
  slow.always = { kind: 'slow', after: 10 }
  const models = [{ id: 'slow', endpoint: { baseUrl: slow.url } }]
  const answers = await Promise.all(Array.from({ length: 12 }, () => call({ models, body })))
  expect(answers).toHaveLength(12)
  expect(slow.most()).toBe(3)
  await slow.close()
})

test('at most so many requests a second, evenly', async () => {
  let time = 1000
  const { call } = caller({ rateLimit: 10, now: () => time })
  await call({ models: [model], body })
  await call({ models: [model], body })
  await call({ models: [model], body })
  time += 1000
  await call({ models: [model], body })
  expect(waits).toEqual([100, 200])
})

test('many calls may share a signal: Node warns of no leak, and one abort ends them all', async () => {
  const warnings: Error[] = []
  const onWarning = (warning: Error) => warnings.push(warning)
  process.on('warning', onWarning)
  const { call } = caller({ maxConcurrency: 20 })
  const controller = new AbortController()
  const { signal } = controller
  await Promise.all(Array.from({ length: 40 }, () => call({ models: [model], body, signal })))
  server.always = { kind: 'silent' }
  const pending = Promise.allSettled(Array.from({ length: 40 }, () => call({ models: [model], body, signal })))
  while (server.requests.length < 60) await new Promise(resolve => setTimeout(resolve, 5))
  controller.abort(new Error('enough'))
  expect((await pending).every(end => end.status === 'rejected' && end.reason.message === 'enough')).toBe(true)
  server.always = undefined
  await new Promise(resolve => setImmediate(resolve))
  process.off('warning', onWarning)
  expect(warnings).toEqual([])
})
