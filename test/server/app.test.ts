import { afterEach, expect, test } from 'vitest'
import { createApp } from '../../src/server/app.ts'
import { ApiFailure } from '../../src/server/envelope.ts'
import { createServerLog } from '../../src/server/log.ts'
import { requireOwnHost } from '../../src/server/origin.ts'
import { type ListeningServer, listen } from '../../src/server/server.ts'
import type { Exchange, Routing, ServerParts } from '../../src/server/server_types.ts'
import type { Model } from '../../src/types.ts'
import { CallError } from '../../src/upstream/upstream_types.ts'

const hosts = (allowed: readonly string[], names: readonly string[]) =>
  names.map(host => {
    try {
      requireOwnHost({ host }, allowed)
      return true
    } catch (thrown) {
      return thrown instanceof ApiFailure && thrown.error.code
    }
  })

test('a server without keys is read under names alone that nobody else can lead to it', () => {
  const own = [
    'localhost:6060',
    'LOCALHOST',
    'a.localhost',
    '127.0.0.1:1',
    '127.8.8.8',
    '[::1]:6060',
    '10.0.0.7',
    'box',
    '',
  ]
  expect(hosts([], own)).toEqual(own.map(() => true))
  expect(hosts([], ['host.docker.internal:6060'])).toEqual([true])
  const others = ['evil.example:6060', '127.0.0.1.evil.example', 'localhost.evil.example', 'LLM.corp.example']
  expect(hosts(['app://x', 'https://llm.corp.example:8443'], others)).toEqual([
    ...Array(3).fill('host_not_allowed'),
    true,
  ])
  expect(hosts(['*'], others)).toEqual(others.map(() => true))
})

const BROKEN = new TypeError('a bug of ours')
const model: Model = { id: 'small', endpoint: { baseUrl: 'http://127.0.0.1:1/v1', api: 'openai' } }
let server: ListeningServer | undefined

afterEach(() => server?.drain(0))

/** A server whose parts a test may break, and the lines of its log. */
async function serverOf(broken: { readonly routing?: Partial<Routing>; readonly pages?: () => never }) {
  let text = ''
  const write = (line: string) => {
    text += line
  }
  const log = createServerLog({ write }, { level: 'info', logsPrompts: false })
  const exchanges: Exchange[] = []
  const parts = {
    routing: () => ({ pool: { models: [model] }, strategies: [], policyId: 'static', ...broken.routing }),
    admission: { identify: () => ({ name: '' }), allow: async () => {}, enter: () => () => {} },
    sticky: { modelOf: () => undefined, keep: () => {} },
    mostBytes: 1000,
    now: () => performance.now(),
    onRefusal: log.refusal,
    onExchange(exchange: Exchange) {
      exchanges.push(exchange)
      log.exchange(exchange)
    },
  } as unknown as ServerParts
  const page = () => ({ status: 200, type: 'text/plain', body: 'fine' })
  const pages = { '/health': page, ...(broken.pages ? { '/broken': broken.pages } : {}) }
  const app = createApp(parts, pages, { '/metrics': page })
  const timeouts = { headersTimeout: 1000, requestTimeout: 1000 }
  server = await listen(app, { port: 0, host: '127.0.0.1', ...timeouts })
  const url = `http://127.0.0.1:${server.port}`
  const ask = (signal?: AbortSignal) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      ...(signal ? { signal } : {}),
      body: JSON.stringify({ model: 'small', messages: [{ role: 'user', content: 'a secret' }] }),
    })
  const lines = () =>
    text
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
  return { url, ask, lines, exchanges }
}

const TOLD = {
  error: {
    message: 'The router failed. Its log says more.',
    type: 'server_error',
    param: null,
    code: 'internal_error',
  },
}
const STACK = /^TypeError: a bug of ours\n {4}at .*app\.test\.ts/

test('what breaks before a model is asked is a 500 that says nothing, with its stack in the log', async () => {
  const { url, lines } = await serverOf({
    pages: () => {
      throw BROKEN
    },
  })
  const answer = await fetch(`${url}/broken`)
  expect([answer.status, await answer.json()]).toEqual([500, TOLD])
  expect(lines()).toEqual([
    expect.objectContaining({
      ...{ level: 40, msg: 'refused', path: '/broken', status: 500, code: 'internal_error' },
      error: expect.stringMatching(STACK),
    }),
  ])
  expect((await fetch(`${url}/v1/models`)).status).toBe(200)
})

test('so is what breaks while a model is asked, and it is counted once', async () => {
  const forwarder = { forward: () => Promise.reject(BROKEN) } as unknown as Routing['forwarder']
  const { ask, lines, exchanges } = await serverOf({ routing: { forwarder } })
  const answer = await ask()
  expect([answer.status, await answer.json()]).toEqual([500, TOLD])
  expect(exchanges).toHaveLength(1)
  expect(lines()).toEqual([
    expect.objectContaining({
      ...{ level: 40, msg: 'request', path: '/v1/chat/completions', status: 500, ending: 'failed' },
      error: expect.stringMatching(STACK),
    }),
  ])
  expect(JSON.stringify(lines())).not.toContain('a secret')
})

test('a request that a model refuses is an error by that name, and costs nothing', async () => {
  const attempts = [{ model: 'small', status: 404, failure: 'status 404', category: 'other', latency: 1 }]
  const bytes = Buffer.from('{"error":{}}')
  const refused = { model, status: 404, headers: {}, bytes, attempts, isCached: false, release() {} }
  const forwarder = { forward: async () => refused } as unknown as Routing['forwarder']
  const { ask, lines, exchanges } = await serverOf({ routing: { forwarder } })
  const answer = await ask()
  expect([answer.status, await answer.text()]).toEqual([404, '{"error":{}}'])
  const message = 'small: expected an answer, got status 404.'
  expect(exchanges).toMatchObject([
    { model: 'small', status: 404, ending: 'failed', cost: 0, error: { code: 'request_refused', message } },
  ])
  expect(lines()).toMatchObject([{ level: 40, status: 404, failed: ['small: status 404'], error: message }])
})

test('attempts at models are counted also where the client goes away before an answer', async () => {
  const controller = new AbortController()
  const forward: Routing['forwarder']['forward'] = ({ attempts, signal }) => {
    attempts!.push({ model: 'small', status: 503, failure: 'status 503', latency: 1 })
    return new Promise((_, reject) => {
      signal!.addEventListener('abort', () => reject(signal!.reason))
      controller.abort()
    })
  }
  const { ask, exchanges } = await serverOf({ routing: { forwarder: { forward } as Routing['forwarder'] } })
  await expect(ask(controller.signal)).rejects.toThrow('aborted')
  await expect.poll(() => exchanges).toMatchObject([{ ending: 'abandoned', attempts: [{ status: 503 }] }])
})

test('what a model did is no fault of ours and has no stack', async () => {
  const failure = { attempts: [], isAccountRefused: false, isRequestRefused: false, told: 'small: failed' }
  const forward = () => Promise.reject(new CallError('small: failed', failure))
  const { ask, lines } = await serverOf({ routing: { forwarder: { forward } as unknown as Routing['forwarder'] } })
  expect((await ask()).status).toBe(502)
  expect(lines()[0].error).toBe('small: failed')
})

test.each([
  ['POST', '/health', 'GET, HEAD', 'Expected GET for this path, got POST.'],
  ['DELETE', '/metrics/', 'GET, HEAD', 'Expected GET for this path, got DELETE.'],
  ['POST', '/v1/models/small', 'GET, HEAD', 'Expected GET for this path, got POST.'],
  ['GET', '/v1/route', 'POST', 'Expected POST for this path, got GET.'],
])('%s %s is a 405 that says what there is', async (method, path, allow, message) => {
  const { url } = await serverOf({})
  const answer = await fetch(url + path, { method })
  expect([answer.status, answer.headers.get('allow')]).toEqual([405, allow])
  expect(await answer.json()).toMatchObject({ error: { code: 'method_not_allowed', message } })
})

test.each([
  ['/v1/messages', true],
  ['/v1/messages?beta=true', true],
  ['/v1/messages/count_tokens', true],
  ['/v1/messagesX', false],
])("errors of %s are in Anthropic's form: %s", async (path, isAnthropic) => {
  const { url } = await serverOf({})
  const answer = await fetch(url + path)
  expect(((await answer.json()) as { type?: string }).type).toBe(isAnthropic ? 'error' : undefined)
})

test('times that are no whole numbers, or larger than Node takes, are no reason not to listen', async () => {
  const times = { headersTimeout: 150.5, requestTimeout: 1e300 }
  server = await listen(async () => {}, { port: 0, host: '127.0.0.1', ...times })
  expect(server.port).toBeGreaterThan(0)
})
