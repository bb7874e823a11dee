import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Model } from '../../src/types.ts'
import { createForwarder } from '../../src/upstream/forwarder.ts'
import { createUpstreamCore } from '../../src/upstream/upstream_core.ts'
import type {
  Attempt,
  CallError,
  Forwarded,
  Forwarder,
  ForwardRequest,
  UpstreamOptions,
} from '../../src/upstream/upstream_types.ts'
import { type Fault, type FaultServer, startFaultServer } from '../helpers/fault_server.ts'

const KEY = 'sk-do-not-print-me'
/** Long enough for a busy machine; the next attempt must make it too. */
const SHORT = { firstByte: 500, idle: 500 }
const timeoutsFor = ({ kind }: Fault) =>
  ['silent', 'stall', 'slow_first_byte'].includes(kind) ? { timeouts: SHORT } : {}
/** A number that no double holds, and spaces that JSON.stringify would not write. */
const RAW = '{ "model": "MODEL",  "seed": 12345678901234567890, "messages": [{"role":"user","content":"hi"}]STREAM }'
let server: FaultServer
let other: FaultServer
let model: Model
let spare: Model
const forwarders: Forwarder[] = []

beforeAll(async () => {
  server = await startFaultServer()
  other = await startFaultServer()
  process.env.TEST_FORWARD_KEY = KEY
  model = { id: 'big', endpoint: { baseUrl: server.url, keyVariable: 'TEST_FORWARD_KEY' } }
  spare = { id: 'spare', endpoint: { baseUrl: other.url } }
})
afterAll(async () => {
  delete process.env.TEST_FORWARD_KEY
  await Promise.all([server.close(), other.close()])
})
beforeEach(() => {
  for (const { requests, faults } of [server, other]) requests.length = faults.length = 0
})
afterEach(async () => {
  server.always = other.always = undefined
  server.piece = other.piece = 7
  await Promise.all(forwarders.splice(0).map(forwarder => forwarder.close()))
})

function forwarder(options: UpstreamOptions = {}): Forwarder {
  const created = createForwarder({ sleep: async () => {}, retry: { attempts: 2 }, ...options })
  forwarders.push(created)
  return created
}

const request = (isStream: boolean, more: Partial<ForwardRequest> = {}): ForwardRequest => ({
  models: [model, spare],
  path: '/chat/completions',
  bodyFor: ({ id }) => Buffer.from(RAW.replace('MODEL', id).replace('STREAM', isStream ? ', "stream": true' : '')),
  headers: {},
  isStream,
  ...more,
})

async function textOf({ body }: Forwarded): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

/** The bytes that the endpoint gives when it is asked without anybody between. */
async function direct(isStream: boolean): Promise<string> {
  const response = await fetch(`${server.url}/chat/completions`, {
    method: 'POST',
    body: Buffer.from(request(isStream).bodyFor(model)),
  })
  server.requests.length = 0
  return response.text()
}

test.each([false, true])('bytes in, bytes out; streamed: %s', async isStream => {
  const expected = await direct(isStream)
  const { forward, statistics } = forwarder()
  const forwarded = await forward(request(isStream))
  expect(statistics.of('big').inFlight).toBe(1)
  expect(await textOf(forwarded)).toBe(expected)
  expect(forwarded).toMatchObject({
    status: 200,
    model: { id: 'big' },
    attempts: [{ model: 'big', status: 200 }],
    isCached: false,
  })
  expect(forwarded.json === undefined).toBe(isStream)
  forwarded.release('whole', { cost: 0.5, outputTokens: 100 })
  forwarded.release('cut')
  expect(statistics.of('big')).toMatchObject({ inFlight: 0, requests: 1, errors: 0, cost: 0.5, outputTokens: 100 })
  expect(server.requests[0]!.text).toBe(Buffer.from(request(isStream).bodyFor(model)).toString())
})

test('open loads what sends requests, before the first of them', async () => {
  const core = createUpstreamCore({})
  let opened = 0
  const transport = () => {
    opened++
    return core.transport()
  }
  const { open, close } = createForwarder({}, { ...core, transport })
  expect(opened).toBe(0)
  await open()
  expect(opened).toBe(1)
  await close()
})

test('headers go by a list, both ways', async () => {
  const headers = {
    authorization: 'Bearer of-the-client',
    'x-api-key': 'of-the-client',
    cookie: 'a=b',
    host: 'elsewhere.example',
    'x-forwarded-host': 'elsewhere.example',
    'content-length': '3',
    'transfer-encoding': 'chunked',
    connection: 'close',
    'content-type': 'text/plain',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    'openai-beta': 'assistants=v2',
    'x-request-id': 'a\r\nx-evil: 1',
  }
  const forwarded = await forwarder().forward(request(false, { headers }))
  expect(await textOf(forwarded)).toContain('Grüße')
  expect(forwarded.headers).toEqual({ 'content-type': 'application/json', 'x-request-id': 'req-1' })
  forwarded.release('whole')
  const sent = server.requests[0]!.headers
  expect(sent).toMatchObject({
    authorization: `Bearer ${KEY}`,
    host: new URL(server.url).host,
    'content-type': 'application/json',
    traceparent: headers.traceparent,
    'openai-beta': 'assistants=v2',
  })
  for (const name of ['cookie', 'x-api-key', 'x-forwarded-host', 'x-request-id', 'x-evil'])
    expect(sent).not.toHaveProperty(name)
})

const events = (text: string): Fault => ({
  kind: 'answer',
  headers: { 'content-type': 'text/event-stream' },
  body: text,
})

test.each<[string, boolean, Fault]>([
  ['429', false, { kind: 'answer', status: 429 }],
  ['500', true, { kind: 'answer', status: 500 }],
  ['invalid JSON', false, { kind: 'answer', body: '{' }],
  ['empty choices', false, { kind: 'answer', body: '{"choices":[]}' }],
  ['half an answer', false, { kind: 'cut' }],
  ['JSON that is no answer where a stream was asked for', true, { kind: 'answer', body: '{"choices":[{}]}' }],
  ['silence', true, { kind: 'silent' }],
  ['a slow first byte', true, { kind: 'slow_first_byte', after: 5000 }],
  ['a connection that closes', true, { kind: 'reset' }],
  ['a stream of nothing', true, events('')],
  ['a stream of comments', true, events(': wait\n\n: wait\n\n')],
  ['a stream that begins with an error', true, events(': wait\n\ndata: {"id":"1","error":{"code":500}}\n\n')],
  ["Anthropic's error event", true, events('event: error\ndata: {"type":"error"}\n\n')],
  ['a redirect', true, { kind: 'answer', status: 302, headers: { location: 'http://127.0.0.1:9/' } }],
])('%s: the next model answers, and the client sees nothing of it', async (_, isStream, fault) => {
  server.faults.push(fault, fault)
  const { forward, statistics } = forwarder(timeoutsFor(fault))
  const forwarded = await forward(request(isStream))
  expect(forwarded.model.id).toBe('spare')
  server.faults.length = 0
  expect(await textOf(forwarded)).toBe((await direct(isStream)).replaceAll('"big"', '"spare"'))
  forwarded.release('whole')
  expect(forwarded.attempts.length).toBeGreaterThanOrEqual(2)
  expect(statistics.of('big')).toMatchObject({ inFlight: 0, errorRate: 1 })
})

test.each<[string, boolean, Fault]>([
  ['a stream that was not asked for', false, events('data: {}\n\n')],
  ['an answer that is not streamed', true, { kind: 'answer', body: '{}' }],
])('%s may be the fault of the request: another model is asked at once, and no breaker opens', async (_, is, fault) => {
  server.always = fault
  const { forward, statistics } = forwarder({ breaker: { failures: 1 } })
  for (let i = 0; i < 3; i++) {
    const forwarded = await forward(request(is, { path: is ? '/messages' : '/chat/completions' }))
    expect(forwarded.attempts.map(({ model }) => model)).toEqual(['big', 'spare'])
    forwarded.release('abandoned')
  }
  expect(statistics.of('big')).toMatchObject({ inFlight: 0, errors: 0, isOpen: false })
})

test('a refusal by a fallback does not hide that the first model failed in another way', async () => {
  server.always = { kind: 'answer', status: 503 }
  other.always = { kind: 'answer', status: 404, body: '{"error":{"code":"model_not_found"}}' }
  const refused = forwarder({ retry: { attempts: 1 } }).forward(request(false))
  await expect(refused).rejects.toThrow(/big .*: status 503; spare .*: status 404 \(model_not_found\)/)
  server.always = other.always
  const forwarded = await forwarder({ retry: { attempts: 1 } }).forward(request(false))
  expect([forwarded.status, forwarded.model.id]).toEqual([404, 'spare'])
})

test('a key of idempotency goes to the model that is asked first', async () => {
  server.faults.push({ kind: 'answer', status: 503 }, { kind: 'answer', status: 503 })
  const headers = { 'idempotency-key': 'k1' }
  await forwarder().forward(request(false, { headers }))
  const keys = [server, other].map(({ requests }) => requests.map(({ headers }) => headers['idempotency-key']))
  expect(keys).toEqual([['k1', 'k1'], [undefined]])
})

test.each(['/completions', '/responses', '/embeddings'])('an error with status 200 at %s is no answer', async path => {
  server.faults.push({ kind: 'answer', body: '{"error":{"message":"overloaded"}}' })
  other.faults.push({ kind: 'answer', body: '{"object":"response","error":null}' })
  const { attempts, model } = await forwarder({ retry: { attempts: 1 } }).forward(request(false, { path }))
  expect([model.id, attempts[0]?.failure]).toEqual(['spare', 'an error with status 200'])
})

test.each<[string, string, boolean, Fault]>([
  [
    'a failed response',
    '/responses',
    false,
    { kind: 'answer', body: '{"object":"response","status":"failed","error":{}}' },
  ],
  ['one that was streamed', '/responses', true, events('data: {"type":"response.failed"}\n\n')],
  [
    'a choice that ended in an error',
    '/chat/completions',
    false,
    { kind: 'answer', body: '{"choices":[{"message":{},"finish_reason":"error"}]}' },
  ],
])('%s is passed on and not kept', async (_, path, isStream, fault) => {
  server.always = fault
  const { forward } = forwarder({ cache: { ttl: 1000 } })
  for (let i = 0; i < 2; i++) {
    const forwarded = await forward(request(isStream, { path }))
    await textOf(forwarded)
    forwarded.release('whole')
    expect(forwarded.isCached).toBe(false)
  }
})

test('an error in the first event is no answer, whatever its line of type says', async () => {
  server.faults.push(events('event: message\ndata: {"error":{"message":"overloaded"}}\n\n'))
  const forwarded = await forwarder({ retry: { attempts: 1 } }).forward(request(true))
  expect(forwarded.model.id).toBe('spare')
  forwarded.release('abandoned')
})

test('who hangs up behind the end of a stream has all of it, and it is kept', async () => {
  const controller = new AbortController()
  const { signal } = controller
  server.always = { kind: 'stall_behind_end' }
  const { forward } = forwarder({ cache: { ttl: 1000 } })
  const forwarded = await forward(request(true, { signal }))
  let text = ''
  for await (const chunk of forwarded.body) {
    text += Buffer.from(chunk).toString()
    if (text.endsWith('[DONE]\n\n')) controller.abort()
  }
  forwarded.release('whole')
  const again = await forward(request(true))
  expect([again.isCached, await textOf(again)]).toEqual([true, text])
})

test('a body with a byte-order mark gets its stream from an endpoint that does not stream', async () => {
  server.faults.push({
    kind: 'answer',
    body: '{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}',
  })
  const bodyFor = () => Buffer.from('\ufeff{"model":"big","stream":true,"messages":[]}')
  const forwarded = await forwarder().forward(request(true, { bodyFor }))
  expect(await textOf(forwarded)).toContain('data: [DONE]')
})

test('a stream that is made of an answer comes with that answer, which says its tokens; from the cache it is a stream', async () => {
  const message = { role: 'assistant', content: 'hi' }
  const answer = { choices: [{ index: 0, message, finish_reason: 'stop' }], usage: { prompt_tokens: 3 } }
  server.faults.push({ kind: 'answer', body: JSON.stringify(answer) })
  const { forward } = forwarder({ cache: {} })
  const made = await forward(request(true))
  const text = await textOf(made)
  expect([made.json, text.includes('usage')]).toEqual([answer, false])
  made.release('whole')
  const again = await forward(request(true))
  expect([again.isCached, again.json, await textOf(again)]).toEqual([true, undefined, text])
})

test('a byte-order mark before an answer is accepted, as clients do, and goes along', async () => {
  const text = '\ufeff{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}'
  server.faults.push({ kind: 'answer', body: text }, events('\ufeffdata: {"choices":[]}\n\ndata: [DONE]\n\n'))
  const { forward } = forwarder({ retry: { attempts: 1 } })
  const whole = await forward(request(false))
  expect([await textOf(whole), whole.model.id, whole.json]).toEqual([text, 'big', JSON.parse(text.slice(1))])
  whole.release('whole')
  const stream = await forward(request(true))
  expect([(await textOf(stream)).charCodeAt(0), stream.model.id]).toEqual([0xfeff, 'big'])
  stream.release('whole')
})

test('comments before the first event go along', async () => {
  server.faults.push(events(': wait\n\ndata: {"choices":[]}\n\ndata: [DONE]\n\n'))
  const forwarded = await forwarder().forward(request(true))
  expect(await textOf(forwarded)).toBe(': wait\n\ndata: {"choices":[]}\n\ndata: [DONE]\n\n')
  forwarded.release('whole')
})

test.each<[string, Fault]>([
  ['is cut', { kind: 'cut' }],
  ['stalls', { kind: 'stall' }],
  ['ends as if it were whole', { kind: 'short' }],
])('a stream that %s after it began is an error, never an end, and never another model', async (_, fault) => {
  server.faults.push(fault)
  const { forward, statistics } = forwarder(timeoutsFor(fault))
  const forwarded = await forward(request(true))
  let seen = ''
  await expect(
    (async () => {
      for await (const chunk of forwarded.body) seen += Buffer.from(chunk).toString('latin1')
    })(),
  ).rejects.toThrow()
  expect(seen).toContain('data: {')
  expect(other.requests).toEqual([])
  expect(statistics.of('big')).toMatchObject({ errors: 1, inFlight: 0 })
})

test('the fault of the request goes back as it came, but for the key', async () => {
  const text = `{"error":{"message":"bad seed, ${KEY}","type":"invalid_request_error"}}`
  server.faults.push({ kind: 'answer', status: 400, headers: { 'x-request-id': `r-${KEY}` }, body: text })
  const { forward, statistics } = forwarder()
  const forwarded = await forward(request(true))
  const headers = { 'content-type': 'application/json', 'x-request-id': 'r-***' }
  expect(forwarded).toMatchObject({ status: 400, headers })
  expect(await textOf(forwarded)).toBe(text.replace(KEY, '***'))
  forwarded.release('whole')
  expect(statistics.of('big')).toMatchObject({ errors: 0, inFlight: 0, isOpen: false })
  expect(other.requests).toEqual([])
})

test('a prompt too long for all models is an answer of the last', async () => {
  const fault: Fault = { kind: 'answer', status: 400, body: '{"error":{"code":"context_length_exceeded"}}' }
  server.faults.push(fault)
  other.faults.push(fault)
  const forwarded = await forwarder().forward(request(false))
  expect(forwarded).toMatchObject({ status: 400, model: { id: 'spare' } })
  forwarded.release('whole')
})

test('no model answers: one error with the status of the last', async () => {
  server.always = { kind: 'answer', status: 503 }
  const error = await forwarder()
    .forward(request(true, { models: [model] }))
    .catch((thrown: CallError) => thrown)
  expect(error).toMatchObject({ name: 'UpstreamError', status: 503, isRequestRefused: false })
})

test.each([true, false])('a client that goes away cancels the call; after the first byte: %s', async hasBegun => {
  server.always = hasBegun ? { kind: 'stall' } : { kind: 'silent' }
  const { forward, statistics } = forwarder()
  const before = server.aborted()
  const controller = new AbortController()
  const pending = forward(request(true, { signal: controller.signal }))
  if (hasBegun) {
    const forwarded = await pending
    const chunks = (async function* () {
      yield* forwarded.body
    })()
    await chunks.next()
    controller.abort(new Error('gone'))
    await expect(chunks.next().then(() => chunks.next())).rejects.toThrow('gone')
  } else {
    while (server.requests.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
    controller.abort(new Error('gone'))
    await expect(pending).rejects.toThrow('gone')
  }
  while (server.aborted() === before) await new Promise(resolve => setTimeout(resolve, 5))
  expect(statistics.of('big')).toMatchObject({ inFlight: 0, requests: 0, errors: 0 })
})

test.each<[string, Fault, (forward: () => void, leave: () => void) => void | Promise<void>, string[]]>([
  [
    'already',
    { kind: 'silent' },
    (forward, leave) => {
      leave()
      forward()
    },
    [],
  ],
  [
    'while a model is asked',
    { kind: 'silent' },
    async (forward, leave) => {
      forward()
      while (server.requests.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
      leave()
    },
    ['big'],
  ],
  ['between attempts', { kind: 'answer', status: 503 }, forward => forward(), []],
])('who is asked when the client goes away is told: %s', async (_, fault, run, expected) => {
  server.always = fault
  const abandoned: string[] = []
  const controller = new AbortController()
  const leave = () => controller.abort()
  const { forward } = forwarder({ sleep: async () => leave() })
  const asked = { signal: controller.signal, onAbandoned: ({ id }: Model) => abandoned.push(id) }
  let pending: Promise<unknown> | undefined
  await run(() => {
    pending = forward(request(false, asked))
    pending.catch(() => {})
  }, leave)
  await expect(pending).rejects.toThrow('aborted')
  expect(abandoned).toEqual(expected)
})

test.each([
  ['between two attempts', undefined],
  ['while the next is under way', { kind: 'silent' } as const],
])('attempts that were made are known where the client goes away %s', async (_, fault) => {
  server.faults.push({ kind: 'answer', status: 503 })
  server.always = fault
  const controller = new AbortController()
  const attempts: Attempt[] = []
  const sleep = async () => {
    if (fault) setTimeout(() => controller.abort(), 50)
    else controller.abort()
  }
  const { forward } = forwarder({ sleep })
  await expect(forward(request(false, { signal: controller.signal, attempts }))).rejects.toThrow('aborted')
  expect(attempts).toMatchObject([{ model: 'big', status: 503, failure: 'status 503' }])
})

test('a refusal that goes back is a failed attempt, which says nothing against the model', async () => {
  server.faults.push({ kind: 'answer', status: 422, body: `{"error":{"code":"${KEY}"}}` })
  const { forward, statistics } = forwarder()
  const refused = await forward(request(false))
  refused.release('whole')
  const failed = { model: 'big', status: 422, failure: expect.stringMatching(/^status 422/), category: 'request' }
  expect(refused).toMatchObject({ status: 422, attempts: [failed] })
  expect(JSON.stringify(refused.attempts)).not.toContain(KEY)
  expect(statistics.of('big')).toMatchObject({ inFlight: 0, errors: 0, isOpen: false })
})

test('who stops reading, or releases it as abandoned, cancels the call', async () => {
  server.always = { kind: 'stall' }
  const { forward, statistics } = forwarder()
  for (const stop of [
    async ({ body }: Forwarded) => {
      for await (const _ of body) break
    },
    async ({ release }: Forwarded) => release('abandoned'),
  ]) {
    const before = server.aborted()
    await stop(await forward(request(true)))
    while (server.aborted() === before) await new Promise(resolve => setTimeout(resolve, 5))
  }
  expect(statistics.of('big')).toMatchObject({ inFlight: 0, requests: 0 })
})

test.each([false, true])('the cache holds whole answers only, byte by byte; streamed: %s', async isStream => {
  const { forward } = forwarder({ cache: {} })
  server.faults.push({ kind: 'answer', status: 400, body: '{}' })
  const refused = await forward(request(isStream))
  await textOf(refused)
  refused.release('whole')
  server.text = `${'long '.repeat(20)}`
  const first = await forward(request(isStream))
  const text = await textOf(first)
  first.release('whole')
  const second = await forward(request(isStream))
  expect(second).toMatchObject({
    isCached: true,
    status: 200,
    attempts: [],
    headers: { 'content-type': first.headers['content-type'] },
  })
  expect(await textOf(second)).toBe(text)
  expect(second.json).toEqual(first.json)
  second.release('whole')
  const third = await forward(request(isStream, { skipsCache: true }))
  expect(third.isCached).toBe(false)
  third.release('abandoned')
  server.text = 'Grüße, 世界 🌍!'
  expect(server.requests).toHaveLength(3)
})

test('headers that change the answer are a part of what is cached; those that name the request are not', async () => {
  const { forward } = forwarder({ cache: {} })
  const isCached = async (headers: Record<string, string>) => {
    const forwarded = await forward(request(false, { headers }))
    forwarded.release('whole')
    return forwarded.isCached
  }
  expect(await isCached({ 'x-request-id': '1' })).toBe(false)
  expect(await isCached({ 'x-request-id': '2', traceparent: 'x', 'user-agent': 'y' })).toBe(true)
  for (const name of ['anthropic-beta', 'anthropic-version', 'openai-beta', 'accept'])
    expect([
      await isCached({ [name]: 'b1' }),
      await isCached({ [name]: 'b1' }),
      await isCached({ [name]: 'b2' }),
    ]).toEqual([false, true, false])
})

test('a fifth of 2,000 requests fails in five ways: each gets one answer, from one model or the other', async () => {
  const faults: Fault[] = [
    { kind: 'answer', status: 429 },
    { kind: 'answer', status: 500 },
    { kind: 'cut' },
    { kind: 'answer', body: '{"choices":' },
    { kind: 'reset' },
  ]
  server.piece = other.piece = 400
  const expected = [await direct(false), await direct(true)]
  for (let i = 0; i < 2000; i++) server.faults.push(i % 5 ? undefined : faults[(i / 5) % 5])
  const { forward, statistics } = forwarder({ maxConcurrency: 100 })
  const ends = await Promise.all(
    Array.from({ length: 2000 }, async (_, i) => {
      const forwarded = await forward(request(i % 2 === 1))
      // A stream that is cut after it began is an error; that one is tested by itself.
      const text = await textOf(forwarded).catch(() => undefined)
      forwarded.release(text === undefined ? 'cut' : 'whole')
      return text?.replaceAll('"spare"', '"big"') === expected[i % 2]
        ? 'answer'
        : i % 2 && text === undefined
          ? 'cut'
          : 'wrong'
    }),
  )
  const count = (end: string) => ends.filter(found => found === end).length
  expect(count('wrong')).toBe(0)
  expect(count('cut')).toBeLessThanOrEqual(2000 / 5 / 5 + 1)
  expect(statistics.of('big').inFlight + statistics.of('spare').inFlight).toBe(0)
})

test('300 streams at once, none lost, none mixed up', async () => {
  server.piece = 40
  const expected = await direct(true)
  const { forward } = forwarder()
  const texts = await Promise.all(
    Array.from({ length: 300 }, async () => {
      const forwarded = await forward(request(true))
      const text = await textOf(forwarded)
      forwarded.release('whole')
      return text
    }),
  )
  expect(new Set(texts)).toEqual(new Set([expected]))
})
