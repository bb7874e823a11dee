import { gzipSync } from 'node:zlib'
import OpenAI from 'openai'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { json, type ModelServer, startModelServer } from '../helpers/model_server.ts'
import { raw } from '../helpers/raw_http.ts'
import { type ServeProcess, startServe } from '../helpers/serve_process.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const CHAT = '/v1/chat/completions'
const folder = temporaryFolder()
let models: ModelServer
let serve: ServeProcess
let client: OpenAI

beforeAll(async () => {
  models = await startModelServer()
  const config = `
models:
  big: { base_url: ${models.url} }
  small: { base_url: ${models.url} }
pair: { strong: big, weak: small }
strategy: length
threshold: 0.5
retry: { attempts: 1 }
serve: { origins: [https://app.example.com] }
`
  serve = await startServe(folder.path, config)
  client = new OpenAI({ baseURL: `${serve.url}/v1`, apiKey: 'none', maxRetries: 0 })
})
beforeEach(() => {
  models.received.length = 0
  models.instead = () => false
})
afterAll(async () => {
  await serve?.stop()
  await models?.close()
})

const HI = '{"model":"small","messages":[{"role":"user","content":"hi"}]}'
const send = (method: string, path: string, headers: Record<string, string>, body?: string | Uint8Array) =>
  fetch(`${serve.url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) })
const errorOf = async (answer: Response) => ((await answer.json()) as { error: object }).error
const ask = (messages: unknown[], more: object = {}) =>
  send('POST', CHAT, {}, JSON.stringify({ model: 'auto', messages, ...more }))

describe('endpoints that do otherwise than asked', () => {
  test('a stream that comes as one JSON is made one, with the tokens where they were asked for', async () => {
    models.instead = ({ body }, response) =>
      json(response, 200, {
        ...{ id: 'c', object: 'chat.completion', created: 1, model: body.model },
        choices: [{ index: 0, message: { role: 'assistant', content: 'all at once' }, finish_reason: 'length' }],
        usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
      })
    const messages = [{ role: 'user' as const, content: 'hi' }]
    const stream = client.chat.completions.stream({ model: 'auto', messages, stream_options: { include_usage: true } })
    expect(await stream.finalChatCompletion()).toMatchObject({
      choices: [{ message: { content: 'all at once' }, finish_reason: 'length' }],
      usage: { total_tokens: 7 },
    })
    const bare = await ask(messages, { stream: true })
    expect(bare.headers.get('content-type')).toBe('text/event-stream')
    const text = await bare.text()
    expect(text).toMatch(/data: \[DONE\]\n\n$/)
    expect(text).not.toContain('usage')
  })

  test('gzip that nobody asked for, whole and streamed', async () => {
    models.instead = ({ body }, response) => {
      const said = body.stream
        ? 'data: {"choices":[{"index":0,"delta":{"content":"hey"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
        : '{"choices":[{"index":0,"message":{"role":"assistant","content":"hey"},"finish_reason":"stop"}]}'
      const type = body.stream ? 'text/event-stream' : 'application/json'
      response.writeHead(200, { 'content-type': type, 'content-encoding': 'gzip' }).end(gzipSync(said))
      return true
    }
    const whole = await ask([{ role: 'user', content: 'hi' }])
    expect(whole.headers.get('content-encoding')).toBeNull()
    expect(await whole.json()).toMatchObject({ choices: [{ message: { content: 'hey' } }] })
    expect(await (await ask([{ role: 'user', content: 'hi' }], { stream: true })).text()).toMatch(
      /"hey".*\[DONE\]\n\n$/s,
    )
  })

  test('an answer without a content type is JSON to the client', async () => {
    models.instead = ({ body }, response) => {
      response
        .writeHead(200)
        .end(JSON.stringify({ model: body.model, choices: [{ index: 0, message: { content: 'x' } }] }))
      return true
    }
    const { choices } = await client.chat.completions.create({
      model: 'auto',
      messages: [{ role: 'user', content: 'x' }],
    })
    expect(choices[0]!.message.content).toBe('x')
  })
})

test.each<[string, unknown[]]>([
  [
    'content of several parts',
    [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'input_audio', input_audio: {} },
        ],
      },
    ],
  ],
  [
    'a result of a tool as last',
    [
      { role: 'user', content: 'q' },
      { role: 'assistant', tool_calls: [] },
      { role: 'tool', content: 'r' },
    ],
  ],
  [
    'the beginning of an answer as last',
    [
      { role: 'user', content: 'q' },
      { role: 'assistant', content: 'Sure,' },
    ],
  ],
  ['no messages', []],
  ['messages that are none', [null, 5, 'x', [], {}]],
])('%s goes to the model as it is', async (_, messages) => {
  expect((await ask(messages)).status).toBe(200)
  expect(models.received[0]!.body.messages).toEqual(messages)
})

test.each(['5', 'null', '["auto"]', '{"a":1}', '""', 'true'])('a model that is %s is a 400', async model => {
  const answer = await send('POST', CHAT, {}, `{"model":${model},"messages":[]}`)
  expect([answer.status, await errorOf(answer)]).toEqual([
    400,
    {
      message: 'you must provide a model parameter: "auto", a configured model or router-STRATEGY-THRESHOLD',
      type: 'invalid_request_error',
      param: 'model',
      code: null,
    },
  ])
})

describe('HTTP', () => {
  test('HEAD is GET without its body; a wrong method is told the right ones', async () => {
    const head = await send('HEAD', '/v1/models', {})
    expect([head.status, Number(head.headers.get('content-length')) > 100, await head.text()]).toEqual([200, true, ''])
    const wrong = await send('GET', CHAT, {})
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST'])
    expect((await send('DELETE', '/v1/models', {})).headers.get('allow')).toBe('GET, HEAD')
    expect((await send('OPTIONS', CHAT, {})).status).toBe(405)
  })

  test('Expect: 100-continue, chunks, and requests one behind the other are answered in order', async () => {
    const post = (head: string, body: string) => `POST ${CHAT} HTTP/1.1\r\nhost: x\r\n${head}\r\n\r\n${body}`
    const length = `content-length: ${HI.length}`
    const expecting = await raw(serve.url, post(`expect: 100-continue\r\nconnection: close\r\n${length}`, HI))
    expect(expecting).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
    const chunks = [HI.slice(0, 20), HI.slice(20)].map(part => `${part.length.toString(16)}\r\n${part}\r\n`).join('')
    const text = await raw(
      serve.url,
      `${post('transfer-encoding: chunked', `${chunks}0\r\n\r\n`)}GET /health HTTP/1.1\r\nhost: x\r\n\r\n${post(`connection: close\r\n${length}`, HI)}`,
    )
    expect(text.match(/HTTP\/1\.1 200 OK|"status":"online"|You said: hi/g)).toEqual([
      'HTTP/1.1 200 OK',
      'You said: hi',
      'HTTP/1.1 200 OK',
      '"status":"online"',
      'HTTP/1.1 200 OK',
      'You said: hi',
    ])
  })

  test('what Node would refuse without a word is refused in the form of the API', async () => {
    const length = `content-length: ${HI.length}`
    const nameless = await raw(serve.url, `POST ${CHAT} HTTP/1.1\r\nconnection: close\r\n${length}\r\n\r\n${HI}`)
    expect(nameless).toMatch(/^HTTP\/1\.1 400 [\s\S]*"We could not read your request: it has no Host header\."/)
    const head = `host: x\r\nexpect: more\r\nconnection: close\r\n${length}`
    const unmet = await raw(serve.url, `POST ${CHAT} HTTP/1.1\r\n${head}\r\n\r\n${HI}`)
    expect(unmet).toMatch(/^HTTP\/1\.1 417 [\s\S]*"code":"expectation_failed"/)
  })

  test('no content-encoding is one by any of its names', async () => {
    for (const encoding of ['', 'Identity']) {
      expect((await send('POST', CHAT, { 'content-encoding': encoding }, HI)).status).toBe(200)
    }
  })

  test('a compressed body is refused for what it is', async () => {
    const answer = await send('POST', CHAT, { 'content-encoding': 'gzip' }, gzipSync(HI))
    expect([answer.status, await errorOf(answer)]).toEqual([
      415,
      {
        message: 'The body of your request is compressed. Send it as it is, without content-encoding.',
        ...{ type: 'invalid_request_error', param: null, code: 'unsupported_content_encoding' },
      },
    ])
  })
})

describe('web pages', () => {
  const preflight = (origin: string) =>
    send('OPTIONS', CHAT, {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,x-stainless-os',
    })

  test.each([
    'https://app.example.com',
    'http://localhost:3000',
    'http://127.0.0.1',
    'https://[::1]:8443',
    'app://obsidian.md',
  ])('%s may ask', async origin => {
    const leave = await preflight(origin)
    expect(leave.status).toBe(204)
    expect(Object.fromEntries(leave.headers)).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'authorization,content-type,x-stainless-os',
      vary: 'origin',
    })
    const answer = await send('POST', CHAT, { origin }, HI)
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, origin])
    expect(answer.headers.get('access-control-expose-headers')).toContain('x-llmroute-model')
    expect(answer.headers.get('x-llmroute-model')).toBe('small')
  })

  test.each([
    'https://evil.example',
    'https://app.example.com.evil.example',
    'http://localhost.evil.example',
    'http://evil.example/http://localhost',
    'null',
    'http://app.example.com',
  ])('%s may not, and no model is asked', async origin => {
    expect((await preflight(origin)).status).toBe(403)
    // As a page can without asking first: a text, whose answer it would not see.
    const answer = await send('POST', CHAT, { origin, 'content-type': 'text/plain' }, HI)
    expect([answer.status, await errorOf(answer)]).toEqual([
      403,
      {
        message: 'This web page may not ask. Add its origin to serve.origins in llmroute.yaml.',
        ...{ type: 'invalid_request_error', param: null, code: 'origin_not_allowed' },
      },
    ])
    expect(models.received).toHaveLength(0)
    const page = await send('GET', '/v1/models', { origin })
    expect([page.status, page.headers.get('access-control-allow-origin')]).toEqual([200, null])
  })
})
