import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { UpstreamError, UsageError } from '../../src/errors.ts'
import { createPostJson, type PostJsonOptions } from '../../src/io/post_json.ts'
import { type EmbeddingsServer, startEmbeddingsServer } from '../helpers/embeddings_server.ts'

const KEY = 'sk-do-not-print-me'
const body = { model: 'm', input: ['do not print me either'] }
let server: EmbeddingsServer
let url: string
const waits: number[] = []
const sleep = async (milliseconds: number) => {
  waits.push(milliseconds)
}

beforeAll(async () => {
  server = await startEmbeddingsServer(4)
  url = `${server.url}/embeddings`
  process.env.TEST_LLMROUTE_KEY = KEY
})
afterAll(() => {
  delete process.env.TEST_LLMROUTE_KEY
  return server.close()
})
beforeEach(() => {
  waits.length = 0
  server.requests.length = 0
})
afterEach(() => {
  server.failures.length = 0
})

const post = (options: PostJsonOptions = {}) => createPostJson({ keyVariable: 'TEST_LLMROUTE_KEY', sleep, ...options })

async function failureOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => expect.unreachable('expected a failure'),
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(UpstreamError)
  const { message, cause } = error as Error
  for (const secret of [KEY, 'do not print me']) expect(`${message} ${String(cause)}`).not.toContain(secret)
  return message
}

test('the key of the named variable goes along; without one, none', async () => {
  expect(await post()(url, body)).toHaveProperty('data')
  await post({ keyVariable: 'TEST_LLMROUTE_NO_SUCH_KEY' })(url, body)
  expect(server.requests.map(({ key }) => key)).toEqual([`Bearer ${KEY}`, ''])
})

test('429 and 5xx are tried again, with growing waits', async () => {
  server.failures.push({ status: 429 }, { status: 500 }, { status: 503 })
  expect(await post()(url, body)).toHaveProperty('data')
  expect(server.requests).toHaveLength(4)
  for (const [i, base] of [500, 1000, 2000].entries()) {
    expect(waits[i]! / base).toBeGreaterThanOrEqual(0.75)
    expect(waits[i]! / base).toBeLessThanOrEqual(1.25)
  }
})

test('Retry-After is honoured, in seconds and as a date', async () => {
  const date = new Date(Date.now() + 20_000).toUTCString()
  server.failures.push(
    { status: 429, headers: { 'retry-after': '7' } },
    { status: 503, headers: { 'retry-after': date } },
  )
  await post()(url, body)
  expect(waits[0]).toBe(7000)
  expect(waits[1]).toBeGreaterThan(15_000)
  expect(waits[1]).toBeLessThanOrEqual(20_000)
})

test('it gives up after so many attempts, with host and status', async () => {
  server.failures.push(...Array.from({ length: 3 }, () => ({ status: 503, body: `busy ${KEY}` })))
  const host = new URL(url).host
  expect(await failureOf(post({ attempts: 3 })(url, body))).toBe(
    `${host}: expected an answer in JSON, got status 503. Try again later.`,
  )
  expect(server.requests).toHaveLength(3)
})

test('a refused key is not tried again, and the answer of the server is not repeated', async () => {
  server.failures.push({ status: 401, body: JSON.stringify({ error: { message: `Incorrect API key: ${KEY}` } }) })
  expect(await failureOf(post()(url, body))).toContain(
    'got status 401. Set TEST_LLMROUTE_KEY to a key that this host accepts.',
  )
  expect(server.requests).toHaveLength(1)
})

test('something that is no JSON', async () => {
  server.failures.push({ status: 200, body: '<html>' })
  expect(await failureOf(post()(url, body))).toContain('got status 200 with something else.')
})

test('a redirect is not followed: the key goes to one host', async () => {
  const other = await startEmbeddingsServer(4)
  server.failures.push({ status: 307, headers: { location: `${other.url}/embeddings` } })
  expect(await failureOf(post()(url, body))).toContain('got status 307. Redirects are not followed')
  expect(other.requests).toEqual([])
  await other.close()
})

test('nobody there', async () => {
  const message = await failureOf(post({ attempts: 2 })('http://127.0.0.1:9/v1/embeddings', body))
  expect(message).toMatch(/^127\.0\.0\.1:9: expected an answer in JSON, got no connection \(\w+\)\. Try again later\.$/)
  expect(waits).toHaveLength(1)
})

test('an endpoint that hangs is left after the timeout', async () => {
  const silent: Server = createServer(() => undefined)
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  const address = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
  expect(await failureOf(post({ timeout: 50, attempts: 1 })(address, body))).toContain('got nothing in 50 ms.')
  silent.closeAllConnections()
  silent.close()
})

test('an address that is none, and one with a password in it', async () => {
  expect(await failureOf(post()('not an address', body))).toContain('endpoint: expected an address')
  expect(await failureOf(post({ attempts: 1 })(`http://user:${KEY}@127.0.0.1:9/v1`, body))).toContain('127.0.0.1:9: ')
})

test('nothing is sent to api.openai.com without a key; with one, and to others, it is', async () => {
  const fetched = vi.spyOn(globalThis, 'fetch').mockImplementation(async () => new Response('{}'))
  try {
    const keyless = createPostJson({ keyVariable: 'TEST_LLMROUTE_NO_KEY', sleep })
    const failure = keyless('https://api.openai.com/v1/embeddings', body)
    await expect(failure).rejects.toThrow(UsageError)
    await expect(failure).rejects.toThrow(
      'TEST_LLMROUTE_NO_KEY: expected a key for api.openai.com, got none. Set it, or name another endpoint with OPENAI_BASE_URL.',
    )
    expect(fetched).not.toHaveBeenCalled()
    await post()('https://api.openai.com/v1/embeddings', body)
    await keyless('http://127.0.0.1:1/v1/embeddings', body)
    expect(fetched).toHaveBeenCalledTimes(2)
  } finally {
    fetched.mockRestore()
  }
})
