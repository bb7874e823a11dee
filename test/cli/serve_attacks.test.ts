import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { json, type ModelServer, startModelServer } from '../helpers/model_server.ts'
import { dial, raw, rawPost } from '../helpers/raw_http.ts'
import { type ServeProcess, startServe } from '../helpers/serve_process.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
let models: ModelServer
let serve: ServeProcess

const config = () => `
models:
  big: { base_url: ${models.url} }
  small: { base_url: ${models.url} }
pair: { strong: big, weak: small }
policy: chain
chain: { order: [rules, threshold] }
rules: [{ when: { prompt: { regex: '^(a+)+$' } }, model: big }]
strategy: length
threshold: 0.5
retry: { attempts: 1 }
breaker: { failures: 1000, minimum: 1000 }
serve: { max_body: 1000000 }
`

beforeAll(async () => {
  models = await startModelServer()
  serve = await startServe(folder.path, config())
})
beforeEach(() => {
  models.received.length = 0
  models.instead = () => false
})
afterAll(async () => {
  expect(await serve?.stop()).toBe(0)
  await models?.close()
})

const CHAT = '/v1/chat/completions'
const ask = (content: unknown) => ({ model: 'small', messages: [{ role: 'user', content }] })
const post = (body: unknown, { path = CHAT, headers = {} }: { path?: string; headers?: Record<string, string> } = {}) =>
  fetch(`${serve.url}${path}`, {
    method: 'POST',
    headers,
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  })
const HI = JSON.stringify(ask('hi'))
const answers = async () => expect((await post(ask('still there?'))).status).toBe(200)

/** Of an error. */
interface Refused {
  error: { message: string; code: string; type: string }
}

describe('bodies', () => {
  test('whoever reads no answer before all of an oversized body is sent gets it too', async () => {
    const { socket, ended } = dial(serve.url)
    socket.pause()
    const length = 20_000_000
    socket.write(`POST ${CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n`)
    await new Promise<void>(resolve => socket.write(Buffer.alloc(length, ' '), () => resolve()))
    socket.resume()
    expect(await ended).toMatch(/^HTTP\/1\.1 413 [\s\S]*"code":"request_too_large"/)
  })

  test('an oversized body is refused before it is read, and where its length is not told', async () => {
    const told = await raw(serve.url, `POST ${CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: 999999999999\r\n\r\n{`)
    expect(told).toMatch(/^HTTP\/1\.1 413 /)
    expect(told).toContain('"code":"request_too_large"')
    const piece = `10000\r\n${'a'.repeat(0x10000)}\r\n`
    const untold = await raw(
      serve.url,
      `POST ${CHAT} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n${piece.repeat(20)}`,
    )
    expect(untold).toMatch(/^HTTP\/1\.1 413 /)
    expect(models.received).toHaveLength(0)
    await answers()
  })

  test.each([
    ['lists', '['.repeat(400_000)],
    ['objects', '{"a":'.repeat(150_000)],
    ['valid', `{"model":"small","messages":${'['.repeat(300)}${']'.repeat(300)}}`],
  ])('nested deeply: %s', async (_, body) => {
    const answer = await post(body)
    expect(answer.status).toBe(400)
    expect(((await answer.json()) as Refused).error.message).toBe(
      'We could not parse the JSON body of your request: it is nested too deeply.',
    )
    expect(models.received).toHaveLength(0)
  })

  test.each(['', 'null', '[]', '"x"', '{', '{"model":', '\u0000', '{"model":1}', '{"model":{}}', '{"model":"small"}x'])(
    'no request: %j',
    async body => {
      const answer = await post(body)
      expect(answer.status).toBe(400)
      expect(((await answer.json()) as Refused).error.type).toBe('invalid_request_error')
      expect(models.received).toHaveLength(0)
    },
  )

  test.each([
    ['messages', { model: 'auto', messages: 'x' }],
    ['messages of other things', { model: 'auto', messages: [null, 1, 'x', [], { role: {}, content: { a: 1 } }] }],
    ['parts of other things', { model: 'auto', messages: [{ role: 'user', content: [null, 1, { text: {} }, []] }] }],
    ['tools of other things', { model: 'auto', tools: [null, 'x', 1], messages: [{ role: 'user', content: 'x' }] }],
    ['metadata of other things', { model: 'auto', metadata: [[]], user: {}, messages: [] }],
  ])('%s that make no sense never crash it', async (_, body) => {
    expect([200, 400]).toContain((await post(body)).status)
    await answers()
  })

  test('keys that would reach prototypes go along as they came and change nothing here', async () => {
    const poison = '{"stream":true,"model":"big","status":1,"isAdmin":true}'
    const body = `{"__proto__":${poison},"constructor":{"prototype":${poison}},"model":"small","messages":[{"role":"user","content":"hi","__proto__":${poison}}],"metadata":{"__proto__":${poison}}}`
    const answer = await post(body)
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(answer.headers.get('x-llmroute-model')).toBe('small')
    expect(models.received[0]!.bytes.toString('utf8')).toBe(body)
    const plain = await post({ model: 'auto', messages: [{ role: 'user', content: 'hi' }] })
    expect(plain.headers.get('x-llmroute-model')).toBe('small')
    expect(plain.headers.get('content-type')).toBe('application/json')
  })

  test('a model given twice is the last, in what is read and in what is sent', async () => {
    await post('{"model":"big","messages":[{"role":"user","content":"hi"}],"model":"small"}')
    expect(models.received[0]!.bytes.toString('utf8')).toBe(
      '{"model":"small","messages":[{"role":"user","content":"hi"}],"model":"small"}',
    )
  })

  test('lone surrogates, broken UTF-8, and characters that end lines', async () => {
    const escaped = '{"model":"auto","messages":[{"role":"user","content":"\\ud800 \\udfff\\u2028 \\u0000"}]}'
    expect((await post(escaped)).status).toBe(200)
    expect(models.received[0]!.bytes.toString('utf8')).toContain('"\\ud800 \\udfff\\u2028 \\u0000"')
    const broken = Buffer.concat([
      Buffer.from('{"model":"small","messages":[{"role":"user","content":"'),
      Buffer.from([0xff, 0xc3, 0x28, 0xed, 0xa0, 0x80]),
      Buffer.from('"}]}'),
    ])
    expect((await post(broken)).status).toBe(200)
    expect(models.received[1]!.bytes.equals(broken)).toBe(true)
  })

  test('an expression in rules takes no time for any prompt', async () => {
    const started = performance.now()
    const answer = await post({ ...ask(`${'a'.repeat(100_000)}!`), model: 'auto' })
    expect(answer.status).toBe(200)
    expect(performance.now() - started).toBeLessThan(3000)
    expect((await post({ ...ask('aaaa'), model: 'auto' })).headers.get('x-llmroute-model')).toBe('big')
  })
})

describe('names', () => {
  test.each([
    ['constructor', 'constructor'],
    ['__proto__', '__proto__'],
    ['toString', 'toString'],
    ['hasOwnProperty', 'hasOwnProperty'],
    ['router-constructor-0.5', 'router-constructor-0.5'],
    ['router-__proto__-0.5', 'router-__proto__-0.5'],
    ['router-toString-0.5', 'router-toString-0.5'],
    ['router--0.5', 'router--0.5'],
    ['1 MB long', 'm'.repeat(900_000)],
    ['a router 1 MB long', `router-${'-'.repeat(900_000)}`],
  ])('a model called %s is not found', async (_, model) => {
    const started = performance.now()
    const answer = await post({ ...ask('hi'), model })
    expect(answer.status).toBe(404)
    const { error } = (await answer.json()) as Refused
    expect(error.code).toBe('model_not_found')
    expect(error.message.length).toBeLessThan(1000)
    expect(performance.now() - started).toBeLessThan(2000)
    expect((await post({ ...ask('hi'), model }, { path: '/v1/route' })).status).toBe(404)
    expect(models.received).toHaveLength(0)
  })

  test.each(
    ['Infinity', '-Infinity', '1e999', '0x10', '1_0', ' ', 'NaN', '', '1'.repeat(900_000)].map(text => [
      text.slice(0, 20),
      text,
    ]),
  )('a threshold of %j never crashes it', async (_, threshold) => {
    expect([200, 400, 404]).toContain((await post({ ...ask('hi'), model: `router-length-${threshold}` })).status)
  })
})

describe('paths and heads', () => {
  test.each([
    '/v1/../../etc/passwd',
    '/v1/chat/completions/../../../../etc/passwd',
    '/v1/chat/completions/%2e%2e/x',
    '/v1/chat%2fcompletions',
    '//evil.example/v1/chat/completions',
    'http://evil.example/v1/chat/completions',
    '/v1/chat/completions\\..\\x',
    '/__proto__',
    '/constructor',
    '/v1/models/__proto__',
    '/v1/models/%E0%A4%A',
    '/v1/models/..%2f..%2fetc%2fpasswd',
    '*',
  ])('%s leads nowhere', async path => {
    for (const method of ['GET', 'POST']) {
      const body = method === 'POST' ? JSON.stringify(ask('hi')) : ''
      const answer = await raw(
        serve.url,
        `${method} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      )
      expect(answer).toMatch(/^HTTP\/1\.1 (400|404|405) /)
      expect(answer).not.toContain('root:')
    }
    expect(models.received).toHaveLength(0)
  })

  test('a request in a request is no request', async () => {
    const inner = 'GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n'
    const both = await raw(
      serve.url,
      `POST ${CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
    )
    expect(both).toMatch(/^HTTP\/1\.1 400 /)
    expect(both.match(/HTTP\/1\.1 /g)).toHaveLength(1)
    for (const head of ['x-a: b\r\n c: d\r\n', 'x-a\0: b\r\n', 'x-a: b\nc: d\0\r\n', 'x a: b\r\n']) {
      expect(await rawPost(`${serve.url}${CHAT}`, head, HI)).toMatch(/^HTTP\/1\.1 400 /)
    }
    expect(await rawPost(`${serve.url}${CHAT}`, `x-long: ${'a'.repeat(40_000)}\r\n`, HI)).toMatch(
      /^HTTP\/1\.1 (400|431) /,
    )
    expect(models.received).toHaveLength(0)
  })

  test('an id that may not stand in a header is replaced', async () => {
    for (const id of ['a b', '"><script>', 'é', 'x'.repeat(300), '{}', '\t\u007f']) {
      const answer = await rawPost(`${serve.url}${CHAT}`, `x-request-id: ${id}\r\n`, HI)
      if (answer.startsWith('HTTP/1.1 400')) continue
      expect(answer).toMatch(/\r\nx-llmroute-request-id: req_[0-9a-f-]{36}\r\n/)
    }
    for (const id of ['trace:1.2-3_4', 'Root=1-67891233-abcdef', 'aGVs+bG8/d29y=']) {
      const answer = await rawPost(`${serve.url}${CHAT}`, `x-request-id: ${id}\r\n`, HI)
      expect(answer).toContain(`\r\nx-llmroute-request-id: ${id}\r\n`)
    }
  })

  test('of the headers of a model only harmless ones come back', async () => {
    models.instead = (_, response) =>
      json(
        response,
        200,
        { choices: [{ message: { role: 'assistant', content: 'x' } }] },
        {
          'set-cookie': 'a=b',
          location: 'http://evil.example',
          'x-llmroute-model': 'forged',
          'content-security-policy': 'none',
          'access-control-allow-origin': '*',
          'x-ratelimit-remaining-requests': '7',
        },
      )
    const answer = await post(ask('hi'))
    for (const name of ['set-cookie', 'location', 'content-security-policy', 'access-control-allow-origin'])
      expect(answer.headers.get(name)).toBeNull()
    expect(answer.headers.get('x-llmroute-model')).toBe('small')
    expect(answer.headers.get('x-ratelimit-remaining-requests')).toBe('7')
  })
})
