import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Model } from '../../src/types.ts'
import { createCaller } from '../../src/upstream/caller.ts'
import { retryAfter } from '../../src/upstream/status_failure.ts'
import { CallError, type Caller, type ChatCall, type UpstreamOptions } from '../../src/upstream/upstream_types.ts'
import { type Fault, type FaultServer, startFaultServer } from '../helpers/fault_server.ts'

const KEY = 'sk-do-not-print-me'
const PROMPT = 'do not print me either'
const body = { messages: [{ role: 'user', content: PROMPT }] }
/** Long enough for a busy machine; the next attempt must make it too. */
const SHORT = { firstByte: 500, idle: 500 }
const SLOW = ['silent', 'stall', 'slow_first_byte']
const timeoutsFor = ({ kind }: Fault) => (SLOW.includes(kind) ? { timeouts: SHORT } : {})
let server: FaultServer
let other: FaultServer
let model: Model
let spare: Model
let host: string
const callers: Caller[] = []
const waits: number[] = []

beforeAll(async () => {
  server = await startFaultServer()
  other = await startFaultServer()
  process.env.TEST_FAULTS_KEY = KEY
  model = { id: 'big', endpoint: { baseUrl: server.url, keyVariable: 'TEST_FAULTS_KEY' } }
  spare = { id: 'spare', endpoint: { baseUrl: other.url } }
  host = new URL(server.url).host
})
afterAll(async () => {
  delete process.env.TEST_FAULTS_KEY
  await Promise.all([server.close(), other.close()])
})
beforeEach(() => {
  waits.length = 0
  for (const { requests, faults } of [server, other]) requests.length = faults.length = 0
})
afterEach(async () => {
  server.always = undefined
  await Promise.all(callers.splice(0).map(caller => caller.close()))
})

function caller(options: UpstreamOptions = {}): Caller {
  const sleep = async (milliseconds: number) => {
    waits.push(milliseconds)
  }
  const created = createCaller({ sleep, random: () => 0.5, ...options })
  callers.push(created)
  return created
}

async function failureOf(call: Partial<ChatCall> = {}, options?: UpstreamOptions): Promise<CallError> {
  const error = await caller(options)
    .call({ models: [model], body, ...call })
    .then(
      answer => expect.unreachable(`expected a failure, got ${answer.text}`),
      (thrown: unknown) => thrown,
    )
  expect(error).toBeInstanceOf(CallError)
  for (const secret of [KEY, PROMPT]) expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(secret)
  return error as CallError
}

/** Everything that passes: tried again at the model, then at the next. */
const PASSING: [string, Fault, string][] = [
  [
    '429',
    { kind: 'answer', status: 429, body: `{"error":{"code":"rate_limit_exceeded","message":"${KEY}"}}` },
    'status 429 (rate_limit_exceeded)',
  ],
  ['500', { kind: 'answer', status: 500, body: `oops ${KEY}` }, 'status 500'],
  ['503', { kind: 'answer', status: 503 }, 'status 503'],
  ['silence', { kind: 'silent' }, 'no answer in 500 ms'],
  ['a slow first byte', { kind: 'slow_first_byte', after: 5000 }, 'no first byte in 500 ms'],
  ['an answer that stops', { kind: 'stall' }, 'nothing more in 500 ms'],
  ['an answer that is cut', { kind: 'cut' }, 'a connection that closed before the answer was whole'],
  ['a connection that closes', { kind: 'reset' }, 'a connection that closed before the answer was whole'],
  ['half an answer', { kind: 'short' }, 'an answer that is not JSON'],
  ['invalid JSON', { kind: 'answer', body: '{"choices": [' }, 'an answer that is not JSON'],
  ['JSON of another kind', { kind: 'answer', body: '"hello"' }, 'JSON without choices'],
  ['null', { kind: 'answer', body: 'null' }, 'JSON without choices'],
  ['nothing', { kind: 'answer', body: '' }, 'an answer that is not JSON'],
  ['empty choices', { kind: 'answer', body: '{"choices":[]}' }, 'no choices'],
  ['a choice without a message', { kind: 'answer', body: '{"choices":[{}]}' }, 'a choice without a message'],
  ['an error with status 200', { kind: 'answer', body: `{"error":{"message":"${KEY}"}}` }, 'an error with status 200'],
  [
    'a wrong content type',
    { kind: 'answer', headers: { 'content-type': 'text/html; charset=utf-8' }, body: '<p>Hello' },
    'content type text/html',
  ],
  [
    'an answer in an encoding that is not known',
    { kind: 'answer', headers: { 'content-encoding': 'zstd' }, body: 'x' },
    'a compressed answer, which was not asked for',
  ],
  [
    'a compressed answer that is broken',
    { kind: 'answer', headers: { 'content-encoding': 'gzip' }, body: 'x' },
    'a compressed answer that is broken (Z_BUF_ERROR)',
  ],
  [
    'JSON too deep to be written again',
    { kind: 'answer', body: `{"choices":${'['.repeat(100_000)}` },
    'an answer that is not JSON',
  ],
]

describe.each(PASSING)('%s', (_, fault, phrase) => {
  test('is tried again', async () => {
    server.faults.push(fault)
    const answer = await caller(timeoutsFor(fault)).call({ models: [model, spare], body })
    expect(answer.model).toBe('big')
    expect(answer.attempts).toMatchObject([
      { model: 'big', failure: phrase },
      { model: 'big', status: 200 },
    ])
    expect(waits).toEqual([250])
    expect(other.requests).toHaveLength(0)
  })
  test('then the next model answers, once', async () => {
    server.faults.push(fault, fault)
    const answer = await caller({ retry: { attempts: 2 }, ...timeoutsFor(fault) }).call({
      models: [model, spare],
      body,
    })
    expect(answer.model).toBe('spare')
    expect(server.requests).toHaveLength(2)
    expect(other.requests).toHaveLength(1)
  })
  test('with no other model it is one error', async () => {
    server.faults.push(fault, fault)
    const error = await failureOf({}, { retry: { attempts: 2 }, ...timeoutsFor(fault) })
    expect(error.message).toMatch(`big (${host}): expected an answer, got ${phrase} (2 attempts). `)
    expect(error.attempts).toHaveLength(2)
    expect(error.isRequestRefused).toBe(false)
  })
})

/** The endpoint's fault, which another attempt would not mend. */
const LASTING: [string, () => Fault, string][] = [
  [
    'a redirect',
    () => ({ kind: 'answer', status: 307, headers: { location: `${other.url}/chat/completions` } }),
    'status 307, a redirect. Redirects are not followed; name the address that it leads to.',
  ],
  [
    'an answer of 100 MB',
    () => ({ kind: 'huge', bytes: 100 * 2 ** 20 }),
    'an answer of more than 67108864 bytes. Ask for a shorter one.',
  ],
]

test.each(LASTING)('%s is not tried again at that model', async (_, fault, phrase) => {
  server.faults.push(fault())
  const error = await failureOf()
  expect(error.message).toBe(`big (${host}): expected an answer, got ${phrase}`)
  expect(server.requests).toHaveLength(1)
  server.faults.push(fault())
  expect(await caller().call({ models: [model, spare], body })).toMatchObject({ model: 'spare' })
})

test('a redirect never takes the key along', async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    server.faults.push({ kind: 'answer', status, headers: { location: `${other.url}/chat/completions` } })
    await failureOf()
  }
  expect(other.requests).toEqual([])
})

test('a long answer is given up without being held', async () => {
  server.faults.push({ kind: 'huge', bytes: 2 ** 30 })
  const before = process.memoryUsage().arrayBuffers
  await failureOf({}, { maxAnswerBytes: 2 ** 20 })
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 2 ** 20)
})

test('an answer a little too long is too long as well', async () => {
  const text = JSON.stringify({ choices: [{ message: { content: 'a'.repeat(1000) } }] })
  server.always = { kind: 'answer', body: text }
  const ask = (maxAnswerBytes: number) => caller({ maxAnswerBytes }).call({ models: [model], body })
  await expect(ask(text.length - 1)).rejects.toThrow(`got an answer of more than ${text.length - 1} bytes.`)
  expect((await ask(text.length)).text).toHaveLength(1000)
})

test.each([
  ['401', 401, '{"error":{"message":"Incorrect API key provided"}}', 'status 401'],
  ['402', 402, '', 'status 402'],
  [
    '429 without quota',
    429,
    '{"error":{"code":"insufficient_quota","type":"insufficient_quota"}}',
    'status 429 (insufficient_quota)',
  ],
  [
    '400 with a usage limit',
    400,
    '{"type":"error","error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits."}}',
    'status 400 (invalid_request_error)',
  ],
  ['403 with a usage limit', 403, '{"error":{"message":"Usage limit reached for this key"}}', 'status 403'],
])('%s opens the breaker at once, and is not tried again there', async (_, status, text, phrase) => {
  let time = Date.parse('2026-01-01T00:00:00Z')
  server.always = { kind: 'answer', status, body: text }
  const { call, statistics } = caller({ now: () => time })
  expect(await call({ models: [model, spare], body })).toMatchObject({
    model: 'spare',
    attempts: [{ model: 'big', status, failure: phrase }, { model: 'spare' }],
  })
  expect(server.requests).toHaveLength(1)
  expect(statistics.of('big')).toMatchObject({ isOpen: true, openReason: phrase })
  expect(await call({ models: [model, spare], body })).toMatchObject({ model: 'spare' })
  const error = await call({ models: [model], body }).catch((thrown: CallError) => thrown)
  expect(error).toMatchObject({
    message: `big (${host}): expected an answer, got none: not called, since its breaker is open (${phrase}). It is not called until 2026-01-01T00:05:00.000Z. Check the key and the credit of its account.`,
    isAccountRefused: true,
    retryAt: time + 300_000,
  })
  expect(server.requests).toHaveLength(1)
  time += 300_000
  server.always = undefined
  expect(await call({ models: [model], body })).toMatchObject({ model: 'big' })
  expect(statistics.of('big').isOpen).toBe(false)
})

test('nobody opens a breaker by what they write', async () => {
  const asked = { messages: [{ role: 'user', content: 'what is a Usage Limit?' }] }
  server.faults.push({
    kind: 'answer',
    status: 400,
    body: '{"error":{"message":"cannot answer: what is a usage limit?"}}',
  })
  const { call, statistics } = caller()
  await expect(call({ models: [model], body: asked })).rejects.toMatchObject({ isRequestRefused: true })
  expect(statistics.of('big').isOpen).toBe(false)
})

test.each([400, 413, 422])(
  '%i is the fault of the request: no other attempt, no other model, no breaker',
  async status => {
    server.always = { kind: 'answer', status, body: '{"error":{"type":"invalid_request_error"}}' }
    const { call, statistics } = caller({ breaker: { failures: 1 } })
    for (let i = 0; i < 3; i++) {
      const error = await call({ models: [model, spare], body }).catch((thrown: CallError) => thrown)
      expect(error).toMatchObject({
        message: `big (${host}): expected an answer, got status ${status} (invalid_request_error). Check the request, the base URL and the name of the model.`,
        status,
        isRequestRefused: true,
      })
    }
    expect(server.requests).toHaveLength(3)
    expect(other.requests).toEqual([])
    expect(statistics.of('big')).toMatchObject({ isOpen: false, errors: 0, inFlight: 0 })
  },
)

test.each([
  ['a prompt that is too long', 400, '{"error":{"code":"context_length_exceeded"}}'],
  ['the same in words', 400, '{"error":{"message":"prompt is too long: 210000 tokens > 200000 maximum"}}'],
  ['a model that is not there', 404, '{"error":{"code":"model_not_found"}}'],
  ['a model that is not allowed', 403, '{}'],
])('%s goes to the next model, once, without a breaker', async (_, status, text) => {
  server.always = { kind: 'answer', status, body: text }
  const { call, statistics } = caller({ breaker: { failures: 1 } })
  expect(await call({ models: [model, spare], body })).toMatchObject({ model: 'spare' })
  expect(server.requests).toHaveLength(1)
  expect(statistics.of('big').isOpen).toBe(false)
  await expect(call({ models: [model], body })).rejects.toMatchObject({ status, isRequestRefused: true })
})

test('Retry-After is honoured: in seconds, in milliseconds, as a date, and capped', async () => {
  const time = Date.parse('2026-01-01T00:00:00Z')
  const after = (headers: Record<string, string>): Fault => ({ kind: 'answer', status: 429, headers })
  server.faults.push(
    after({ 'retry-after': '7' }),
    after({ 'retry-after-ms': '1500', 'retry-after': '2' }),
    after({ 'retry-after': 'Thu, 01 Jan 2026 00:00:20 GMT' }),
    after({ 'retry-after': '86400' }),
    after({ 'retry-after': 'soon' }),
    after({ 'retry-after': '-1' }),
  )
  const options = { retry: { attempts: 7 }, breaker: { failures: 99 }, now: () => time }
  expect(await caller(options).call({ models: [model], body })).toMatchObject({ model: 'big' })
  expect(waits).toEqual([7000, 1500, 20_000, 30_000, 4000, 8000])
})

test('no wait is longer than a day', () => {
  expect(retryAfter({ 'retry-after': '9'.repeat(20) }, 0)).toBe(86_400_000)
  expect(retryAfter({ 'retry-after': 'Thu, 01 Jan 2099 00:00:20 GMT' }, 0)).toBe(86_400_000)
})

test('a wait longer than any is not waited for where another model is left', async () => {
  server.faults.push({ kind: 'answer', status: 429, headers: { 'retry-after': '86400' } })
  expect(await caller().call({ models: [model, spare], body })).toMatchObject({ model: 'spare' })
  expect(waits).toEqual([])
})

test('waits grow, are random, and are bounded', async () => {
  server.always = { kind: 'answer', status: 503 }
  const numbers = [0, 0.999, 0.5, 0.5, 0.5, 0.5, 0.5]
  await failureOf(
    {},
    { retry: { attempts: 8, longestWait: 5000 }, breaker: { failures: 99 }, random: () => numbers.shift()! },
  )
  expect(waits).toEqual([0, 999, 1000, 2000, 2500, 2500, 2500])
})

test('a host that is not there, a refused connection, no TLS: one error each', async () => {
  const at = (baseUrl: string): Partial<ChatCall> => ({
    models: [{ id: 'gone', endpoint: { baseUrl, keyVariable: 'TEST_FAULTS_KEY' } }],
  })
  const options = { retry: { attempts: 2 } }
  expect((await failureOf(at('http://no-such-host.invalid/v1'), options)).message).toMatch(
    /^gone \(no-such-host\.invalid\): expected an answer, got no such host \((ENOTFOUND|EAI_AGAIN)\) \(2 attempts\)\. Check the base URL and the network\.$/,
  )
  const closed = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => closed.once('listening', resolve))
  const { port } = closed.address() as AddressInfo
  await new Promise(resolve => closed.close(resolve))
  expect((await failureOf(at(`http://127.0.0.1:${port}/v1`), options)).message).toBe(
    `gone (127.0.0.1:${port}): expected an answer, got connection refused (2 attempts). Check that it runs and that the base URL is right.`,
  )
  expect((await failureOf(at(server.url.replace('http:', 'https:')))).message).toMatch(
    /got no TLS connection \((ERR_SSL|EPROTO)\w*\)\. Check the address and its certificate\.$/,
  )
  const untrusted = await startFaultServer({ isTls: true })
  expect((await failureOf(at(untrusted.url))).message).toMatch(
    /got no TLS connection \(DEPTH_ZERO_SELF_SIGNED_CERT\)\. /,
  )
  expect(untrusted.requests).toEqual([])
  await untrusted.close()
})

test('a connection that is never made', async () => {
  // It takes the connection and never says a word of TLS.
  const mute = createServer(socket => socket.on('error', () => {})).listen(0, '127.0.0.1')
  await new Promise(resolve => mute.once('listening', resolve))
  const baseUrl = `https://127.0.0.1:${(mute.address() as AddressInfo).port}/v1`
  const options = { timeouts: { connect: 300 }, retry: { attempts: 1 } }
  const { message } = await failureOf({ models: [{ id: 'mute', endpoint: { baseUrl } }] }, options)
  expect(message).toMatch(/got no connection in 300 ms\. Try again later\.$/)
  mute.close()
})

test('a request too deep to be written is said, not a bug', async () => {
  const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)
  await expect(caller().call({ models: [model], body: { messages: deep } })).rejects.toThrow(
    'call: expected a request that can be written as JSON, got one that is too deep or no JSON.',
  )
})

test('what does not speak HTTP', async () => {
  const odd = createServer(socket => socket.on('error', () => {}).end('SSH-2.0-OpenSSH_9.2\r\n')).listen(0, '127.0.0.1')
  await new Promise(resolve => odd.once('listening', resolve))
  const baseUrl = `http://127.0.0.1:${(odd.address() as AddressInfo).port}/v1`
  const { message } = await failureOf({ models: [{ id: 'odd', endpoint: { baseUrl } }] })
  expect(message).toMatch(/got an answer that is not HTTP \(\w+\)\. Check the base URL\.$/)
  odd.close()
})

test('a whole attempt has its time, however lively the answer', async () => {
  server.always = { kind: 'huge', bytes: 2 ** 40 }
  const options = { timeouts: { total: 500 }, retry: { attempts: 1 }, maxAnswerBytes: 2 ** 40 }
  const error = await failureOf({ onText: () => {} }, options)
  expect(error.message).toContain('got no whole answer in 500 ms. Try again later.')
})

describe('streamed', () => {
  const events = (...data: unknown[]): Fault => ({
    kind: 'answer',
    headers: { 'content-type': 'text/event-stream' },
    body: data.map(event => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`).join(''),
  })
  const piece = (content: string) => ({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })

  test.each<[string, Fault, string]>([
    ['cut before the first piece', events(), 'a stream without choices'],
    ['an error as its first event', events({ error: { message: KEY } }), 'an error within the stream'],
    ['something that is not JSON', events('{"choices":'), 'an event that is not JSON'],
    ['a slow first byte', { kind: 'slow_first_byte', after: 5000 }, 'no first byte in 500 ms'],
    ['503', { kind: 'answer', status: 503 }, 'status 503'],
  ])('%s: the next attempt streams', async (_, fault, phrase) => {
    server.faults.push(fault)
    const pieces: string[] = []
    const answer = await caller(timeoutsFor(fault)).call({
      models: [model],
      body,
      onText: text => pieces.push(text),
    })
    expect(pieces.join('')).toBe(answer.text)
    expect(answer.attempts).toMatchObject([{ failure: phrase }, { status: 200 }])
  })

  test.each<[string, Fault, string]>([
    ['cut', { kind: 'cut' }, 'a connection that closed before the answer was whole'],
    ['ended as if it were whole', events(piece('Hel')), 'a stream that broke off'],
    ['ended by [DONE] without a reason', events(piece('Hel'), '[DONE]'), 'a stream that broke off'],
    ['an error later on', events(piece('Hel'), { error: {} }), 'an error within the stream'],
    ['a stall', { kind: 'stall' }, 'nothing more in 500 ms'],
  ])('%s after the first piece: an error, and nobody else is asked', async (_, fault, phrase) => {
    server.faults.push(fault)
    const pieces: string[] = []
    const error = await failureOf({ models: [model, spare], onText: text => pieces.push(text) }, timeoutsFor(fault))
    expect(error.message).toContain(`got ${phrase}. `)
    expect(pieces.join('')).not.toBe('')
    expect(error.attempts).toHaveLength(1)
    expect(other.requests).toEqual([])
  })

  test('an endpoint that does not stream answers all the same', async () => {
    server.faults.push({ kind: 'answer', body: '{"choices":[{"message":{"content":"whole"},"finish_reason":"stop"}]}' })
    const pieces: string[] = []
    const answer = await caller().call({ models: [model], body, onText: text => pieces.push(text) })
    expect(pieces).toEqual(['whole'])
    expect(answer.text).toBe('whole')
  })

  test('what onText throws ends the call and its request', async () => {
    const pending = caller().call({
      models: [model],
      body,
      onText: () => {
        throw new Error('full')
      },
    })
    await expect(pending).rejects.toThrow('full')
    expect(server.requests).toHaveLength(1)
  })
})

test('two models, both failing: one error that names both', async () => {
  server.always = { kind: 'answer', status: 503 }
  other.always = { kind: 'answer', status: 500 }
  const error = await failureOf({ models: [model, spare] }, { retry: { attempts: 2 } })
  other.always = undefined
  expect(error.message).toBe(
    `2 models: expected an answer, got none: big (${host}): status 503 (2 attempts); spare (${new URL(other.url).host}): status 500 (2 attempts). Try again later.`,
  )
})

test('a fallback without a key does not hide why the first model failed', async () => {
  server.always = { kind: 'answer', status: 503 }
  const keyless = { id: 'keyless', endpoint: { baseUrl: other.url, keyVariable: 'TEST_FAULTS_NONE' } }
  const error = await failureOf({ models: [model, keyless] }, { retry: { attempts: 1 } })
  expect(error.message).toContain(`big (${host}): status 503; keyless (${new URL(other.url).host}): no key`)
})

test('1,000 calls at once with every fault among them: each ends exactly once', async () => {
  const faults = PASSING.map(([, fault]) => fault).filter(({ kind }) => !SLOW.includes(kind))
  for (let i = 0; i < 300; i++) server.faults.push(faults[i % faults.length]!)
  const { call, statistics } = caller({ maxConcurrency: 64 })
  const ends = await Promise.allSettled(Array.from({ length: 1000 }, () => call({ models: [model, spare], body })))
  expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1000)
  expect(statistics.of('big').inFlight + statistics.of('spare').inFlight).toBe(0)
})
