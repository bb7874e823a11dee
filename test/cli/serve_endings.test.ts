import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { chunk, json, type ModelServer, startModelServer } from '../helpers/model_server.ts'
import { dial } from '../helpers/raw_http.ts'
import { type ServeProcess, startServe } from '../helpers/serve_process.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
let models: ModelServer
let serve: ServeProcess

beforeAll(async () => {
  models = await startModelServer()
})
beforeEach(async () => {
  models.received.length = 0
  models.instead = () => false
  const config = `
models:
  small: { base_url: ${models.url} }
  claude: { base_url: ${models.url}, api: anthropic }
pair: { strong: claude, weak: small }
strategy: length
retry: { attempts: 1 }
serve: { drain: 1 }
`
  serve = await startServe(folder.path, config)
})
afterEach(() => serve?.stop())
afterAll(() => models?.close())

const post = (
  id: string,
  body: object,
  { path = '/v1/chat/completions', signal = new AbortController().signal } = {},
) =>
  fetch(`${serve.url}${path}`, {
    method: 'POST',
    headers: { 'x-request-id': id },
    body: JSON.stringify({ model: 'small', messages: [{ role: 'user', content: 'hi' }], ...body }),
    signal,
  })
const line = (id: string) => serve.log().find(({ request }) => request === id)
/** Begins a stream and says no more; of anything else nothing at all. */
const hang: ModelServer['instead'] = ({ body }, response) => {
  if (body.stream) {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(chunk('m', { content: 'first' }))
  }
  return true
}

test('a client that goes away, before an answer and in its midst: the log says so', async () => {
  models.instead = hang
  const before = new AbortController()
  const waiting = post('before', {}, { signal: before.signal }).catch(() => {})
  await serve.until(() => models.received.length === 1)
  before.abort()
  await waiting
  const midst = new AbortController()
  const answer = await post('midst', { stream: true }, { signal: midst.signal })
  await answer.body!.getReader().read()
  midst.abort()
  await serve.until(() => Boolean(line('before') && line('midst')))
  const error = 'The client went away before its answer was complete.'
  expect(line('before')).toMatchObject({ level: 30, msg: 'request', status: 499, ending: 'abandoned', error })
  expect(line('midst')).toMatchObject({ level: 30, msg: 'request', status: 200, ending: 'abandoned', error })
  const metrics = await (await fetch(`${serve.url}/metrics`)).text()
  expect(metrics).toContain('llmroute_errors_total{code="client_gone"} 1')
  expect(metrics).not.toContain('internal_error')
})

/** Two requests in one connection, the second of which waits for the answer to the first. */
const twoAtOnce = () => {
  const body = JSON.stringify({ model: 'small', messages: [{ role: 'user', content: 'hi' }] })
  const { socket, ended } = dial(serve.url)
  for (const id of ['first', 'second']) {
    const head = `host: x\r\nx-request-id: ${id}\r\ncontent-length: ${body.length}`
    socket.write(`POST /v1/chat/completions HTTP/1.1\r\n${head}\r\n\r\n${body}`)
  }
  return { socket, ended }
}

test('a client that goes away with two requests in one connection leaves neither under way', async () => {
  let gone = 0
  models.instead = (_, response) => {
    response.once('close', () => gone++)
    return true
  }
  const { socket } = twoAtOnce()
  await serve.until(() => models.received.length === 2)
  socket.destroy()
  await serve.until(() => Boolean(line('first') && line('second')))
  expect([line('first'), line('second')]).toMatchObject([{ ending: 'abandoned' }, { ending: 'abandoned' }])
  await serve.until(() => gone === 2)
  const metrics = await (await fetch(`${serve.url}/metrics`)).text()
  expect(metrics).toContain('llmroute_running_requests 0')
})

test('of two requests in one connection both are told when the server stops', async () => {
  models.instead = hang
  const { ended } = twoAtOnce()
  await serve.until(() => models.received.length === 2)
  expect(await serve.stop()).toBe(0)
  expect((await ended).match(/HTTP\/1\.1 503|"code":"server_stopping"/g)).toEqual([
    'HTTP/1.1 503',
    '"code":"server_stopping"',
    'HTTP/1.1 503',
    '"code":"server_stopping"',
  ])
})

test('what is under way past the deadline of a shutdown is told so, and the log says so', async () => {
  models.instead = hang
  const whole = post('whole', {})
  const stream = await post('stream', { stream: true })
  const message = await post('message', { model: 'claude', stream: true, max_tokens: 9 }, { path: '/v1/messages' })
  await serve.until(() => models.received.length === 3)
  const stopped = serve.stop()
  const error = {
    message: 'The server stopped before the answer was complete. Try again soon.',
    type: 'server_error',
    param: null,
    code: 'server_stopping',
  }
  const answer = await whole
  expect([answer.status, answer.headers.get('retry-after'), await answer.json()]).toEqual([503, '1', { error }])
  expect(await stream.text()).toBe(`${chunk('m', { content: 'first' })}data: ${JSON.stringify({ error })}\n\n`)
  expect(await message.text()).toMatch(/\n\nevent: error\ndata: \{"type":"error",[^\n]*The server stopped[^\n]*\n\n$/)
  expect(await stopped).toBe(0)
  for (const id of ['whole', 'stream', 'message']) {
    expect(line(id)).toMatchObject({
      ...{ level: 40, ending: 'stopped' },
      error: expect.stringMatching(/^The server stopped before the answer was complete\./),
    })
  }
  expect(serve.log().find(({ msg }) => msg === 'draining')).toMatchObject({ underWay: 3, seconds: 1 })
  expect(serve.log().at(-1)).toMatchObject({
    ...{ level: 40, msg: 'stopped: requests that took longer were ended' },
    ...{ unfinished: 3, seconds: 1 },
  })
})

test('an answer that nobody reads is under way until it is read, and holds its place', async () => {
  await serve.stop()
  const config = `models: { small: { base_url: ${models.url} } }\npolicy: round_robin\n`
  serve = await startServe(folder.path, `${config}serve: { max_concurrency: 1 }\n`)
  models.instead = (_, response) => json(response, 200, { choices: [{ message: { content: 'a'.repeat(16 << 20) } }] })
  const { hostname, port } = new URL(serve.url)
  const body = '{"model":"small","messages":[]}'
  const client = connect(Number(port), hostname)
  client.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-request-id: unread\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  await serve.until(() => client.bytesRead > 0 || client.readableLength > 0)
  const metrics = async () => (await fetch(`${serve.url}/metrics`)).text()
  const other = post('other', {})
  await serve.until(async () => (await metrics()).includes('llmroute_waiting_requests 1\n'))
  expect(await metrics()).toContain('llmroute_running_requests 1\n')
  expect([models.received.length, line('unread')]).toEqual([1, undefined])
  client.destroy()
  await serve.until(() => line('unread') !== undefined)
  expect(line('unread')).toMatchObject({ level: 30, status: 200, ending: 'abandoned', model: 'small' })
  expect((await (await other).arrayBuffer()).byteLength).toBeGreaterThan(16 << 20)
  await serve.until(async () => (await metrics()).includes('llmroute_running_requests 0\n'))
  expect(line('other')).toMatchObject({ status: 200, ending: 'whole' })
})

test('a shutdown that all requests were answered in says so', async () => {
  expect((await post('quick', {})).status).toBe(200)
  expect(await serve.stop()).toBe(0)
  expect(serve.log().at(-1)).toMatchObject({ level: 30, msg: 'stopped: all requests were answered' })
})
