import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
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
strategy: length
threshold: 0.5
retry: { attempts: 1 }
breaker: { failures: 1000, minimum: 1000 }
serve: { headers_timeout: 400ms, request_timeout: 800ms }
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

test('a page whose name leads here reads nothing; programs and proxies may ask under any', async () => {
  const read = async (path: string, host: string) =>
    (await raw(serve.url, `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)).split(' ', 2)[1]
  for (const path of ['/', '/metrics', '/v1/models', '/v1/models/small']) {
    expect([await read(path, 'evil.example:6060'), await read(path, 'localhost:6060')], path).toEqual(['403', '200'])
  }
  expect(await read('/health', 'evil.example')).toBe('200')
  const asked = `POST ${CHAT} HTTP/1.1\r\nhost: llm.corp.example\r\nconnection: close\r\ncontent-length: ${HI.length}\r\n\r\n${HI}`
  expect(await raw(serve.url, asked)).toMatch(/^HTTP\/1\.1 200 /)
})

test('nothing in a request, and no redirect, chooses where it goes', async () => {
  let reached = 0
  const secret = createServer((_, response) => {
    reached++
    response.end('secret')
  })
  await new Promise<void>(resolve => secret.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(secret.address() as AddressInfo).port}`
  const url = `http://${host}/v1`
  const fields = { base_url: url, api_base: url, baseURL: url, url, endpoint: url, host, proxy: url, webhook: url }
  const heads = ['x-forwarded-host', 'x-original-url', 'x-rewrite-url', 'x-base-url', 'helicone-target-url', 'via']
  const headers = Object.fromEntries(heads.map(name => [name, name.endsWith('url') ? url : host]))
  expect((await post({ ...ask('hi'), ...fields }, { headers: { ...headers, forwarded: `host=${host}` } })).status).toBe(
    200,
  )
  expect(await rawPost(`${serve.url}${CHAT}`, `host: ${host}\r\nproxy: ${url}\r\n`, HI)).toMatch(
    /^HTTP\/1\.1 (200|400) /,
  )
  const sent = models.received[0]!.headers
  for (const name of [...heads, 'forwarded']) expect(sent[name], name).toBeUndefined()
  expect(sent.host).toBe(new URL(models.url).host)
  for (const status of [301, 302, 303, 307, 308]) {
    models.instead = (_, response) => json(response, status, {}, { location: url })
    const answer = await post({ ...ask('hi'), stream: status === 302 })
    expect(answer.status).toBe(502)
    expect(answer.headers.get('location')).toBeNull()
  }
  expect(reached).toBe(0)
  await new Promise(resolve => secret.close(resolve))
})

test('nobody writes a line of the log but the server', async () => {
  const forged = '\n{"level":30,"msg":"forged","client":"root"}\n'
  await post({ ...ask(forged), model: `x${forged}` })
  await post(
    { ...ask(forged), model: 'auto', user: forged, metadata: { a: forged } },
    { headers: { 'user-agent': 'x' } },
  )
  await post(ask('hi'), { headers: { 'x-request-id': 'the-last-one' } })
  await serve.until(() => serve.log().some(({ request }) => request === 'the-last-one'))
  const lines = serve.stderr().trimEnd().split('\n').slice(1)
  for (const line of lines) expect(() => JSON.parse(line), line).not.toThrow()
  expect(serve.log().map(({ msg }) => msg)).not.toContain('forged')
  expect(serve.stderr()).not.toContain('still there?')
  const metrics = await (await fetch(`${serve.url}/metrics`)).text()
  expect(metrics).not.toContain('forged')
})

describe('slow clients', () => {
  test('headers that never end, and bodies that never end, are given up; others are answered meanwhile', async () => {
    const slow = [
      ...Array.from({ length: 50 }, () => `POST ${CHAT} HTTP/1.1\r\nhost: x\r\n`),
      ...Array.from({ length: 50 }, () => `POST ${CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"model"`),
    ].map(text => {
      const { socket, ended } = dial(serve.url)
      socket.write(text)
      const drip = setInterval(() => socket.write(text.includes('content-length') ? ' ' : 'x-a: b\r\n'), 100)
      return ended.finally(() => clearInterval(drip))
    })
    await answers()
    const told = await Promise.all(slow)
    for (const text of told)
      expect(text).toMatch(/^(HTTP\/1\.1 40[08] .*"code":"(request_timeout|malformed_request)"|$)/s)
    expect(models.received).toHaveLength(1)
    await serve.until(async () =>
      (await (await fetch(`${serve.url}/metrics`)).text()).includes('llmroute_running_requests 0\n'),
    )
  }, 30_000)

  test.each([
    ['/v1/chat/completions', '{"error":{"message":"Your request took too long to come.",', 'request_timeout'],
    ['/v1/messages', '{"type":"error","error":{"type":"timeout_error",', 'request_timeout'],
  ])('a body that does not come at %s is told so in the form of its client', async (path, begins, code) => {
    const { socket, ended } = dial(serve.url)
    socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\nx-request-id: slow\r\ncontent-length: 100\r\n\r\n{"model"`)
    const text = await ended
    expect(text).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n.*\r\nx-llmroute-request-id: slow\r\n/s)
    expect(text.split('\r\n\r\n')[1]).toContain(begins)
    expect(text).toContain(`"code":"${code}"`)
    expect(serve.log().find(line => line.request === 'slow' && line.path === path)).toMatchObject({ status: 408, code })
  })

  test('headers that never begin, never end, or are no headers, are told so too', async () => {
    const silent = dial(serve.url)
    const late = dial(serve.url)
    late.socket.write(`POST ${CHAT} HTTP/1.1\r\nhost: x\r\n`)
    const broken = dial(serve.url)
    broken.socket.write('nonsense\r\n\r\n')
    const large = dial(serve.url)
    large.socket.write(`GET / HTTP/1.1\r\nx-a: ${'a'.repeat(40_000)}\r\n`)
    const codes = ['request_timeout', 'request_timeout', 'malformed_request', 'headers_too_large']
    for (const [i, { ended }] of [silent, late, broken, large].entries()) {
      const [head, body] = (await ended).split('\r\n\r\n')
      expect(head).toMatch(/^HTTP\/1\.1 4.*\r\nconnection: close\r\ncontent-type: application\/json\r\n/s)
      expect(JSON.parse(body!)).toMatchObject({ error: { type: 'invalid_request_error', code: codes[i] } })
    }
  })

  test('bodies that do not come hold no place; one that comes in pieces gets one', async () => {
    const few = await startServe(
      folder.path,
      config().replace(/serve: .*/, 'serve: { max_concurrency: 1, max_queue: 1 }'),
    )
    const slow = Array.from({ length: 20 }, () => dial(few.url))
    const head = `POST ${CHAT} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${HI.length}\r\n\r\n`
    for (const { socket } of slow) socket.write(`${head}${HI.slice(0, 10)}`)
    const metrics = async () => await (await fetch(`${few.url}/metrics`)).text()
    expect(await rawPost(`${few.url}${CHAT}`, '', HI)).toMatch(/^HTTP\/1\.1 200 /)
    expect(await metrics()).toContain('llmroute_running_requests 0\n')
    slow[0]!.socket.write(HI.slice(10))
    expect(await slow[0]!.ended).toMatch(/^HTTP\/1\.1 200 .*You said: hi/s)
    const stopped = few.stop()
    await few.until(() => few.log().some(({ msg }) => msg === 'draining'))
    for (const { socket } of slow) socket.destroy()
    expect(await stopped).toBe(0)
  })

  test('16 of the largest bodies that come in pieces are under way at a time: for more there is no memory', async () => {
    const body = JSON.stringify(ask('a'.repeat(930)))
    const small = await startServe(folder.path, config().replace(/serve: .*/, `serve: { max_body: ${body.length} }`))
    const waiting: (() => void)[] = []
    models.instead = (_, response) => {
      waiting.push(() => json(response, 200, { choices: [{ message: { content: 'yes' } }] }))
      return true
    }
    const begin = async () => {
      const { socket, ended } = dial(small.url)
      const head = `host: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: ${body.length}`
      socket.write(`POST ${CHAT} HTTP/1.1\r\n${head}\r\n\r\n`)
      await once(socket, 'data')
      socket.write(body)
      return (await ended).replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, '')
    }
    const all = Array.from({ length: 16 }, begin)
    await small.until(() => waiting.length === 16)
    expect(await begin()).toMatch(/^HTTP\/1\.1 503 .*"code":"server_overloaded"/s)
    for (const answer of waiting) answer()
    for (const ended of all) expect(await ended).toMatch(/^HTTP\/1\.1 200 /)
    models.instead = () => false
    expect(await begin()).toMatch(/^HTTP\/1\.1 200 /)
    expect(await small.stop()).toBe(0)
  })

  test('thousands of idle connections keep nobody from being answered', async () => {
    const patient = await startServe(folder.path, config().replace(/serve: .*/, 'serve: { headers_timeout: 1m }'))
    const count = Math.min(10_000, Math.floor(openFiles() / 2) - 500)
    const idle: Socket[] = []
    let closed = 0
    for (let at = 0; at < count; at += 500) {
      const opened = Array.from({ length: Math.min(500, count - at) }, () => {
        const { hostname, port } = new URL(patient.url)
        return connect(Number(port), hostname).on('close', () => closed++)
      })
      await Promise.all(opened.map(socket => once(socket, 'connect')))
      idle.push(...opened)
    }
    const started = performance.now()
    const answer = await fetch(`${patient.url}${CHAT}`, { method: 'POST', body: JSON.stringify(ask('hi')) })
    expect(answer.status).toBe(200)
    expect(performance.now() - started).toBeLessThan(2000)
    expect([idle.length, closed]).toEqual([count, 0])
    expect(await patient.stop()).toBe(0)
    for (const socket of idle) socket.destroy()
  }, 60_000)
})

describe('guessing keys', () => {
  const [KEY, OTHER] = ['llmr-the-key-of-alice', 'llmr-the-key-of-bob']
  const hash = (text: string) => createHash('sha256').update(text).digest('hex')
  let locked: ServeProcess
  beforeAll(async () => {
    const keys = `[{ name: alice, sha256: ${hash(KEY)} }, { name: bob, sha256: ${hash(OTHER)} }]`
    locked = await startServe(folder.path, config().replace(/serve: .*/, `serve: { keys: ${keys} }`))
  })
  afterAll(async () => {
    expect(await locked?.stop()).toBe(0)
  })
  const knock = (headers: Record<string, string>, path = CHAT) =>
    fetch(`${locked.url}${path}`, { method: 'POST', headers, body: JSON.stringify(ask('hi')) })

  test('all that is not a key gets the same answer, whatever it is near to', async () => {
    const guesses = [
      KEY.slice(0, -1),
      `${KEY}x`,
      KEY.toUpperCase(),
      hash(KEY),
      'alice',
      'undefined',
      '__proto__',
      'x'.repeat(10_000),
    ]
    const said = new Set<string>()
    for (const guess of guesses) {
      for (const headers of [{ authorization: `Bearer ${guess}` }, { 'x-api-key': guess }]) {
        const answer = await knock(headers)
        expect(answer.status).toBe(401)
        said.add(await answer.text())
      }
    }
    expect([...said]).toEqual([
      '{"error":{"message":"Incorrect API key provided.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}',
    ])
    expect((await knock({})).status).toBe(401)
    expect((await knock({ authorization: `Basic ${btoa(`x:${KEY}x`)}` })).status).toBe(401)
    expect(models.received).toHaveLength(0)
    expect(locked.stderr()).not.toContain('llmr-')
  })

  test('without a key nothing is told of what exists', async () => {
    for (const path of ['/v1/models', '/v1/models/small', '/metrics', '/', '/nothing']) {
      expect((await fetch(`${locked.url}${path}`)).status, path).toBe(401)
    }
    expect((await fetch(`${locked.url}/health`)).status).toBe(200)
    expect(await (await fetch(`${locked.url}/ready`)).text()).toBe('{"status":"ready"}')
  })

  test('each way to show a key works', async () => {
    for (const headers of [
      { authorization: `Bearer ${KEY}` },
      { authorization: `bearer  ${KEY}` },
      { 'x-api-key': OTHER },
      { 'api-key': KEY },
      { authorization: `Basic ${btoa(`me:${KEY}`)}` },
    ]) {
      expect((await knock(headers as Record<string, string>)).status).toBe(200)
    }
    for (const { headers } of models.received) {
      expect(headers.authorization ?? headers['x-api-key'] ?? headers['api-key']).toBeUndefined()
    }
  })
})

/** Files that a process may open here. */
function openFiles(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  return Number(/Max open files\s+(\d+)/.exec(limits)?.[1] ?? 1024)
}
