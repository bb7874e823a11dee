import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import OpenAI from 'openai'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { json, type ModelServer, startModelServer } from '../helpers/model_server.ts'
import { runCli } from '../helpers/run_cli.ts'
import { type ServeProcess, startServe } from '../helpers/serve_process.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const run = promisify(execFile)
const KEY = 'sk-secret-of-the-provider-0123456789'
const folder = temporaryFolder()
let models: ModelServer
let serve: ServeProcess
let client: OpenAI

const config = () => `
models:
  big: { base_url: ${models.url}, name: provider/big, api_key_env: TEST_KEY, input_price: 10, output_price: 30 }
  small: { base_url: ${models.url}, name: provider/small, api_key_env: TEST_KEY, input_price: 1, output_price: 2 }
  claude: { base_url: ${models.url}, api: anthropic, api_key_env: TEST_KEY }
pair: { strong: big, weak: small }
strategy: length
threshold: 0.5
retry: { attempts: 1 }
`

beforeAll(async () => {
  models = await startModelServer()
  serve = await startServe(folder.path, config(), { env: { TEST_KEY: KEY } })
  client = new OpenAI({ baseURL: `${serve.url}/v1`, apiKey: 'none', maxRetries: 0 })
})
beforeEach(() => {
  models.received.length = 0
  models.instead = () => false
})
afterAll(async () => {
  expect(await serve?.stop()).toBe(0)
  expect(serve.stderr()).not.toContain(KEY)
  await models?.close()
})

const ask = (content: string) => [{ role: 'user' as const, content }]
const LONG = 'Explain at length and with every detail how this works. '.repeat(20)
const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${serve.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

describe('the openai client', () => {
  test('chat: the policy decides, the answer and its headers say who answered', async () => {
    const { data, response } = await client.chat.completions
      .create({ model: 'auto', messages: ask('hi') })
      .withResponse()
    expect(data.choices[0]!.message.content).toBe('You said: hi')
    expect(data.model).toBe('provider/small')
    expect(Object.fromEntries([...response.headers].filter(([name]) => name.startsWith('x-llmroute')))).toEqual({
      'x-llmroute-attempts': '1',
      'x-llmroute-cache': 'miss',
      'x-llmroute-model': 'small',
      'x-llmroute-policy': 'threshold',
      'x-llmroute-request-id': expect.stringMatching(/^req_/),
      'x-llmroute-strategy': 'length',
      'x-llmroute-threshold': '0.5',
      'x-llmroute-win-rate': expect.stringMatching(/^0\.\d+$/),
    })
    expect(models.received[0]!.headers.authorization).toBe(`Bearer ${KEY}`)
    const long = await client.chat.completions.create({ model: 'auto', messages: ask(LONG) })
    expect(long.model).toBe('provider/big')
  })

  test('a stream, cut through characters and events, comes whole', async () => {
    const stream = await client.chat.completions.create({ model: 'auto', messages: ask('grüße 😀 証明'), stream: true })
    let text = ''
    for await (const event of stream) text += event.choices[0]?.delta.content ?? ''
    expect(text).toBe('You said: grüße 😀 証明')
  })

  test('tools with nested schemas, and structured output', async () => {
    const parameters = {
      type: 'object',
      properties: { at: { type: 'object', properties: { deep: { type: ['string', 'null'], enum: ['a', null] } } } },
      additionalProperties: false,
    }
    const tools = [{ type: 'function' as const, function: { name: 'look', parameters, strict: true } }]
    const called = await client.chat.completions.create({
      model: 'auto',
      messages: ask('look'),
      tools,
      parallel_tool_calls: false,
    })
    expect(called.choices[0]!.message.tool_calls?.[0]).toMatchObject({
      function: { name: 'look', arguments: '{"at":"sky"}' },
    })
    expect(models.received[0]!.body).toMatchObject({ tools, parallel_tool_calls: false })
    const schema = { name: 'c', strict: true, schema: { type: 'object', properties: { colour: { type: 'string' } } } }
    const shaped = await client.chat.completions.parse({
      model: 'auto',
      messages: ask('colour?'),
      response_format: { type: 'json_schema', json_schema: schema },
    })
    expect(JSON.parse(shaped.choices[0]!.message.content!)).toEqual({ colour: 'blue' })
    expect(models.received[1]!.body.response_format).toEqual({ type: 'json_schema', json_schema: schema })
  })

  test('responses, completions, embeddings, models', async () => {
    expect((await client.responses.create({ model: 'auto', input: 'hi' })).output_text).toBe('fine')
    expect(models.received[0]!.path).toBe('/v1/responses')
    expect((await client.completions.create({ model: 'small', prompt: 'hi' })).choices[0]!.text).toBe('fine')
    const embedded = await client.embeddings.create({ model: 'small', input: ['a'], encoding_format: 'float' })
    expect(embedded.data[0]!.embedding).toEqual([0.6, 0.8])
    const listed = (await client.models.list()).data.map(({ id }) => id)
    expect(listed).toEqual(expect.arrayContaining(['auto', 'big', 'small', 'claude', 'router-mf-0.5']))
    for (const id of ['small', 'router-mf-0.5']) expect((await client.models.retrieve(id)).id).toBe(id)
  })

  test('errors come in the classes that it knows', async () => {
    const failed = (promise: Promise<unknown>) =>
      promise.then(
        () => expect.fail('expected an error'),
        error => error,
      )
    const unknown = await failed(client.chat.completions.create({ model: 'gpt-5', messages: ask('hi') }))
    expect(unknown).toBeInstanceOf(OpenAI.NotFoundError)
    expect(unknown).toMatchObject({
      status: 404,
      code: 'model_not_found',
      type: 'invalid_request_error',
      param: 'model',
    })
    expect(
      await failed(client.chat.completions.create({ model: 'router-mf-abc', messages: ask('hi') })),
    ).toBeInstanceOf(OpenAI.BadRequestError)
    expect(await failed(client.embeddings.create({ model: 'auto', input: 'a' }))).toBeInstanceOf(OpenAI.BadRequestError)
    models.instead = (_, response) =>
      json(response, 422, { error: { message: 'bad', type: 'invalid_request_error', code: 'x', param: null } })
    expect(await failed(client.chat.completions.create({ model: 'small', messages: ask('hi') }))).toMatchObject({
      status: 422,
      code: 'x',
    })
  })
})

test('bytes reach the model as they came: only the value of model is another', async () => {
  const text =
    '{"messages" : [{"role":"system","content":"x"},{"role":"user","content":[{"type":"text","text":"\\u0068i"},{"type":"image_url","image_url":{"url":"data:,"}}]},{"role":"tool","tool_call_id":"1","content":"r"}],\n  "seed": 12345678901234567890, "logprobs":true,"n":2, "temperature": 1.0e0, "unknown_field": {"deep":[1,{"model":"keep"}]}, "stream_options":null, "model":"small" }'
  const answer = await post('/v1/chat/completions', text)
  expect(answer.status).toBe(200)
  expect(models.received[0]!.bytes.toString('utf8')).toBe(text.replace('"small" }', '"provider/small" }'))
})

test('a byte-order mark before the body is no mistake, and stays', async () => {
  const text = '\ufeff{"model":"small","messages":[{"role":"user","content":"hi"}]}'
  const answer = await post('/v1/chat/completions', text)
  expect(await answer.json()).toMatchObject({ choices: [{ message: { content: 'You said: hi' } }] })
  expect(models.received[0]!.bytes.toString('utf8')).toBe(text.replace('small', 'provider/small'))
  expect((await post('/v1/chat/completions', `\ufeff${text}`)).status).toBe(400)
})

test('the log names paths as they were asked, of what was answered and of what was refused', async () => {
  const ask = { model: 'small', messages: [{ role: 'user', content: 'hi' }] }
  await post('/v1/chat/completions?x=hidden', ask, { 'x-request-id': 'path-answered' })
  await post('/v1/chat/completions?x=hidden', { ...ask, model: 'none' }, { 'x-request-id': 'path-refused' })
  const pathOf = (id: string) => serve.log().find(({ request }) => request === id)?.path
  await serve.until(() => pathOf('path-answered') !== undefined && pathOf('path-refused') !== undefined)
  expect([pathOf('path-answered'), pathOf('path-refused')]).toEqual(['/v1/chat/completions', '/v1/chat/completions'])
  expect(serve.stderr()).not.toContain('hidden')
})

test('the log does not repeat a path that is none, which may hold anything', async () => {
  await post('/v1/sk-put-into-the-path', {}, { 'x-request-id': 'path-unknown' })
  const line = () => serve.log().find(({ request }) => request === 'path-unknown')
  await serve.until(() => line() !== undefined)
  expect(line()).toMatchObject({ path: 'another', status: 404, code: 'unknown_url' })
  expect(serve.stderr()).not.toContain('sk-put')
})

test('messages in Anthropic’s form go to models of that form', async () => {
  const body = { model: 'claude', max_tokens: 9, messages: ask('hi') }
  const answer = await post('/v1/messages', body, { 'anthropic-version': '2023-06-01' })
  expect(await answer.json()).toMatchObject({ type: 'message', content: [{ text: 'You said: hi' }] })
  expect(models.received[0]).toMatchObject({ path: '/v1/messages', headers: { 'x-api-key': KEY } })
  expect((await post('/v1/messages', { ...body, model: 'small' })).status).toBe(400)
  expect((await post('/v1/chat/completions', { model: 'claude', messages: ask('hi') })).status).toBe(400)
})

test('RouteLLM’s own example request works, thresholds and all', async () => {
  const { stdout } = await run('curl', [
    '-sS',
    `${serve.url}/v1/chat/completions`,
    '-H',
    'Content-Type: application/json',
    '-d',
    '{"model": "router-mf-0.11593", "messages": [{"role": "user", "content": "Hello!"}]}',
  ])
  expect(JSON.parse(stdout)).toMatchObject({ object: 'chat.completion', model: expect.stringMatching(/^provider\//) })
})

test('a conversation keeps its model', async () => {
  const first = await client.chat.completions.create({ model: 'auto', messages: ask(LONG) })
  expect(first.model).toBe('provider/big')
  const second = await client.chat.completions
    .create({ model: 'auto', messages: [...ask(LONG), { role: 'assistant', content: 'ok' }, ...ask('thanks')] })
    .withResponse()
  expect(second.data.model).toBe('provider/big')
  expect(second.response.headers.get('x-llmroute-policy')).toBe('sticky')
})

test('the decision alone, one and many', async () => {
  expect(await (await post('/v1/route', { messages: ask('hi') })).json()).toMatchObject({
    model: 'small',
    policy: 'threshold',
    strategy: 'length',
  })
  const many = await (
    await post('/v1/route', { model: 'router-length-0.5', requests: ['hi', { messages: ask(LONG) }] })
  ).json()
  expect(many).toMatchObject({ decisions: [{ model: 'small' }, { model: 'big' }] })
  expect(models.received).toHaveLength(0)
})

test('a failing model is taken over by the other; when both fail the client is told once', async () => {
  models.instead = ({ body }, response) => body.model === 'provider/small' && json(response, 500, {})
  const answer = await post('/v1/chat/completions', { model: 'auto', messages: ask('hi there') })
  expect(answer.headers.get('x-llmroute-model')).toBe('big')
  expect(answer.headers.get('x-llmroute-attempts')).toBe('2')
  models.instead = (_, response) => json(response, 500, {})
  const failed = await post('/v1/chat/completions', { model: 'auto', messages: ask('hi again') })
  expect(failed.status).toBe(502)
  expect(await failed.json()).toMatchObject({ error: { type: 'upstream_error', code: 'upstream_failed' } })
})

test('a stream that breaks off ends with an error event and no [DONE]', async () => {
  models.instead = (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: {"choices":[{"index":0,"delta":{"content":"half"},"finish_reason":null}]}\n\ndata: {"choi')
    setTimeout(() => response.destroy(), 50)
    return true
  }
  const answer = await post('/v1/chat/completions', { model: 'small', stream: true, messages: ask('hi') })
  const text = await answer.text()
  expect(text).toContain('"half"')
  expect(text).toMatch(/\n\ndata: \{"error":\{"message":"The model broke off[^\n]*"code":"stream_cut"\}\}\n\n$/)
  expect(text).not.toContain('[DONE]')
})

test('a stream whose first event is long comes as it is, in one piece or two', async () => {
  const created = { type: 'response.created', response: { error: null, instructions: `A preview ${'x'.repeat(3000)}` } }
  const completed = { type: 'response.completed', response: { error: null, output: [] } }
  const [first, last] = [created, completed].map(event => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
  for (const pieces of [[`${first}${last}`], [first, last]]) {
    models.instead = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const [i, piece] of pieces.entries()) setTimeout(() => response.write(piece), 30 * i)
      setTimeout(() => response.end(), 30 * pieces.length)
      return true
    }
    const answer = await post('/v1/responses', { model: 'small', stream: true, input: 'hi' })
    expect([answer.status, await answer.text()]).toEqual([200, `${first}${last}`])
  }
})

test('a stream that breaks off within its last event is cut', async () => {
  const event = JSON.stringify({ type: 'response.completed', response: { output: ['z'.repeat(9000)] } })
  for (const isReset of [false, true]) {
    models.instead = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: {"type":"response.created"}\n\n')
      response.write(`event: response.completed\ndata: ${event.slice(0, 6000)}`)
      setTimeout(() => (isReset ? response.destroy() : response.end()), 50)
      return true
    }
    const answer = await post('/v1/responses', { model: 'small', stream: true, input: 'hi' })
    const [created, cut] = (await answer.text()).split('\n\n')
    expect(created).toBe('data: {"type":"response.created"}')
    expect(cut).toContain('"code":"stream_cut"')
  }
})

test('an error that a model tells in the midst of a stream goes on once, without the key that it quotes and a [DONE]', async () => {
  models.instead = (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: {"choices":[{"index":0,"delta":{"content":"half"},"finish_reason":null}]}\n\n')
    const done = 'data: [DONE]\n\n'
    setTimeout(() => response.write(`data: {"error":{"message":"overloaded Bearer ${KEY}"}}\n\n${done}`), 20)
    setTimeout(() => response.end(done), 60)
    return true
  }
  const answer = await post('/v1/chat/completions', { model: 'small', stream: true, messages: ask('hi') })
  expect((await answer.text()).split('\n\n').slice(1)).toEqual([
    'data: {"error":{"message":"overloaded Bearer ***"}}',
    '',
  ])
})

test('a stream in Anthropic’s form that breaks off ends with an error event of that form', async () => {
  models.instead = (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(
      'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}\n\n',
    )
    setTimeout(() => response.destroy(), 50)
    return true
  }
  const text = await (
    await post('/v1/messages', { model: 'claude', stream: true, max_tokens: 9, messages: ask('hi') })
  ).text()
  expect(text).toMatch(
    /\n\nevent: error\ndata: \{"type":"error","error":\{"type":"api_error","message":"The model broke off[^\n]*\n\n$/,
  )
})

test('tokens of an answer that counts none are estimated, calls of tools too', async () => {
  models.instead = (_, response) => {
    const call = { id: '1', type: 'function', function: { name: 'f', arguments: 'x'.repeat(400) } }
    const message = { role: 'assistant', content: null, tool_calls: [call] }
    return json(response, 200, {
      id: 'a',
      object: 'chat.completion',
      choices: [{ index: 0, message, finish_reason: 'tool_calls' }],
    })
  }
  await post(
    '/v1/chat/completions',
    { model: 'small', messages: ask('estimate me') },
    { 'x-request-id': 'estimated-1' },
  )
  await serve.until(() => serve.log().some(({ request }) => request === 'estimated-1'))
  expect(serve.log().find(({ request }) => request === 'estimated-1')).toMatchObject({
    outputTokens: 100,
    isEstimated: true,
  })
})

test('a client that goes away cancels the call upstream', async () => {
  let isGone = false
  models.instead = (_, response) => {
    response.on('close', () => {
      isGone = !response.writableFinished
    })
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n')
    return true
  }
  const stop = new AbortController()
  const answer = await fetch(`${serve.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'small', stream: true, messages: ask('hi') }),
    signal: stop.signal,
  })
  await answer.body!.getReader().read()
  stop.abort()
  await serve.until(() => isGone)
  await serve.until(() => serve.log().some(({ ending }) => ending === 'abandoned'))
})

test('health, readiness, metrics, status page', async () => {
  expect(await (await fetch(`${serve.url}/health`)).json()).toEqual({ status: 'online' })
  expect((await fetch(`${serve.url}/ready`)).status).toBe(200)
  const metrics = await (await fetch(`${serve.url}/metrics`)).text()
  expect(metrics).toMatch(
    /llmroute_requests_total\{path="\/v1\/chat\/completions",model="small",policy="threshold",status="200",ending="whole"\} \d+/,
  )
  expect(metrics).toContain('llmroute_dollars_total{model="big",key=""}')
  expect(metrics).toContain('llmroute_breaker_open{model="small"} 0')
  const page = await (await fetch(serve.url)).text()
  expect(page).toContain('<title>llmroute</title>')
  expect(page).not.toMatch(/https?:\/\//)
})

test('unknown paths and methods', async () => {
  expect((await fetch(`${serve.url}/v2/x`)).status).toBe(404)
  expect((await fetch(`${serve.url}/v1/chat/completions`)).status).toBe(405)
  expect((await fetch(`${serve.url}/v1/../../etc/passwd`)).status).toBe(404)
})

test('an address that is taken is no bug', async () => {
  const port = new URL(serve.url).port
  const file = folder.write('again.yaml', config())
  const { code, stderr } = await runCli(['serve', '--port', port, '--config', file], { env: { TEST_KEY: KEY } })
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: `serve: expected an address to listen at, got 127.0.0.1:${port}, one that is taken. Name another with --host and --port.\n`,
  })
})
