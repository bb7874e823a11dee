import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { json } from '../helpers/model_server.ts'
import type { ServeProcess } from '../helpers/serve_process.ts'
import { ask, models, post, start, startWith } from '../helpers/three_models.ts'

test('Anthropic’s form where the policy’s models do not speak it: which do, and what to do', async () => {
  const said = async (one: ServeProcess, model: string, path: string) =>
    ((await (await post(one, { ...ask(model), max_tokens: 9 }, path)).json()) as { error: { message: string } }).error
  const none = await start()
  expect(await said(none, 'auto', '/v1/messages')).toMatchObject({
    message:
      "No configured model speaks the form of /v1/messages. Anthropic's form is for models with api: anthropic in llmroute.yaml; others are asked at /v1/chat/completions.",
    code: 'model_not_found',
  })
  await none.stop()
  const one = await start('', `${models.url}`, `  claude: { base_url: ${models.url}, api: anthropic }`)
  const message =
    "model: expected one that speaks the form of this request among those that are picked from (big, small), got none; claude would. Anthropic's form (/v1/messages) is for models with api: anthropic in llmroute.yaml, OpenAI's for all others. Ask in the other form, name claude as model, or put such a model into the pair."
  expect(await said(one, 'auto', '/v1/messages')).toMatchObject({ message, code: 'no_model_can_serve' })
  expect(await said(one, 'router-length-0.3', '/v1/messages')).toMatchObject({ message })
  expect(await said(one, 'small', '/v1/messages')).toMatchObject({
    message:
      "model: expected one that speaks the form of /v1/messages, got small. Anthropic's form is for models with api: anthropic in llmroute.yaml; others are asked at /v1/chat/completions.",
  })
  expect(await said(one, 'claude', '/v1/chat/completions')).toMatchObject({
    message:
      "model: expected one that speaks the form of /v1/chat/completions, got claude. OpenAI's form is for models without api: anthropic in llmroute.yaml; the others are asked at /v1/messages.",
  })
})

test('embeddings are of a model that is named, and never streamed', async () => {
  const one = await start()
  models.instead = (_, response) => json(response, 200, { object: 'list', data: [] })
  expect(await (await post(one, { model: 'auto', input: 'a' }, '/v1/embeddings')).json()).toMatchObject({
    error: {
      message:
        'model: expected a configured model, since /v1/embeddings is not routed, got "auto". Name one: big, small, third.',
    },
  })
  expect((await post(one, { model: 'small', input: 'a', stream: true }, '/v1/embeddings')).status).toBe(200)
})

test('a key that cannot be sent counts as none, and is named to nobody', async () => {
  const config = `
models:
  keyed: { base_url: ${models.url}, api_key_env: BROKEN_KEY }
  open: { base_url: ${models.url} }
pair: { strong: keyed, weak: open }
strategy: length
threshold: 0
`
  let serve = await startWith(config, { env: { BROKEN_KEY: 'two words' } })
  const named = await post(serve, ask('keyed'))
  expect([named.status, await named.json()]).toEqual([
    503,
    {
      error: {
        message: 'The model keyed cannot be called: this server has no key for it.',
        ...{ type: 'server_error', param: null, code: 'model_without_key' },
      },
    },
  ])
  expect((await post(serve, ask())).headers.get('x-llmroute-model')).toBe('open')
  await serve.stop()
  const other = config.replace('pair: ', `  spare: { base_url: ${models.url}, api_key_env: BROKEN_KEY }\npair: `)
  serve = await startWith(other.replace('weak: open', 'weak: spare'), { env: { BROKEN_KEY: '' } })
  expect(await (await post(serve, ask())).json()).toMatchObject({
    error: {
      message:
        'model: expected one that this server has a key for among those that are picked from (keyed, spare), got none. It has keys for open: name one of them as model.',
    },
  })
})

test('what is no request says where, what was expected, what came and what to do', async () => {
  const one = await start()
  const said = async (body: object, path?: string) =>
    ((await (await post(one, body, path)).json()) as { error: { message: string } }).error.message
  expect(await said({ model: 'auto', messages: 'hi' })).toBe(
    'messages: expected a list of messages, got a string. Send [{ "role": "user", "content": "…" }].',
  )
  expect(await said({ requests: 7 }, '/v1/route')).toBe(
    'requests: expected a list of up to 1000 requests, got a number. Send a list, and more than that in parts.',
  )
  expect(await said({ requests: Array(1001).fill('hi') }, '/v1/route')).toBe(
    'requests: expected a list of up to 1000 requests, got 1001. Send a list, and more than that in parts.',
  )
  for (const [wrong, kind] of [
    [null, 'null'],
    [7, 'a number'],
    [['hi'], 'an array'],
  ]) {
    expect(await said({ requests: ['hi', wrong] }, '/v1/route')).toBe(
      `requests[1]: expected a text or an object, got ${kind}. Write it as { "prompt": "…" } or { "messages": […] }.`,
    )
  }
})

test('stream is true or false: what else it is opens no breaker', async () => {
  const one = await start('breaker: { failures: 1 }')
  models.instead = ({ body }, response) => {
    const isStream = Boolean(body.stream) || body.Stream === true
    if (isStream) response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: [DONE]\n\n')
    return isStream
  }
  for (const [stream, kind] of [
    [1, 'a number'],
    ['true', 'a string'],
  ]) {
    const answer = await post(one, ask('small', { stream }))
    const message = `stream: expected true or false, got ${kind}. Leave it out, or send one of them without quotes.`
    const error = { message, type: 'invalid_request_error', param: 'stream', code: 'invalid_type' }
    expect([answer.status, await answer.json()]).toEqual([400, { error }])
  }
  // As Go's servers read it.
  expect((await post(one, ask('small', { Stream: true }))).status).toBe(502)
  for (const stream of [null, false]) expect((await post(one, ask('small', { stream }))).status).toBe(200)
})

test('a key that is "model" but for its case reaches no endpoint, some of which would read it', async () => {
  const one = await start()
  models.received.length = 0
  for (const key of ['MODEL', 'Model', 'm\\u004fdel']) {
    const body = `{"model":"small","messages":[{"role":"user","content":"hi"}],"${key}":"not-configured"}`
    const answer = await fetch(`${one.url}/v1/chat/completions`, { method: 'POST', body })
    const read = JSON.parse(`"${key}"`)
    const message = `model: expected its name in lower case alone, got "${read}", which some endpoints read as well. Leave that out.`
    const error = { message, type: 'invalid_request_error', param: 'model', code: null }
    expect([answer.status, await answer.json()]).toEqual([400, { error }])
  }
  expect(models.received).toHaveLength(0)
  expect((await post(one, { ...ask('small', {}), metadata: { MODEL: 'x' } })).status).toBe(200)
})

test('a refusal that is no JSON is told in the form of the client, with its status', async () => {
  const one = await start('', models.url, `  claude: { base_url: ${models.url}, api: anthropic }`)
  const refuse = (status: number, type: string, body: string) => {
    models.instead = (_, response) => {
      response.writeHead(status, type ? { 'content-type': type } : {}).end(body)
      return true
    }
  }
  const said = async (answer: Response) => [answer.status, answer.headers.get('content-type'), await answer.json()]
  const message = (status: number, model = 'small') =>
    `${model}: expected an answer, got status ${status} and no JSON that says why.`
  const error = { type: 'invalid_request_error', param: null, code: 'request_refused' }
  for (const stream of [false, true]) {
    refuse(400, 'text/html', '<html>bad</html>')
    const html = await post(one, ask('small', { stream }))
    expect(html.headers.get('x-llmroute-model')).toBe('small')
    expect(await said(html)).toEqual([400, 'application/json', { error: { message: message(400), ...error } }])
    for (const body of ['', 'null', '"no"']) {
      refuse(413, '', body)
      const answer = await post(one, ask('small', { stream }))
      expect(await said(answer)).toEqual([413, 'application/json', { error: { message: message(413), ...error } }])
    }
  }
  refuse(404, 'text/plain', 'nothing here')
  expect(await said(await post(one, { ...ask('claude'), max_tokens: 9 }, '/v1/messages'))).toEqual([
    404,
    'application/json',
    { type: 'error', error: { type: 'not_found_error', message: message(404, 'claude'), code: 'request_refused' } },
  ])
  refuse(422, 'application/json', '{"detail":"its own"}')
  expect(await said(await post(one, ask('small')))).toEqual([422, 'application/json', { detail: 'its own' }])
})

test('errors say what was decided and how many calls were sent; /v1/route names the request', async () => {
  const one = await start()
  models.instead = (_, response) => json(response, 500, {})
  const told = ({ headers }: Response) =>
    Object.fromEntries([...headers].filter(([name]) => name.startsWith('x-llmroute-')))
  const id = { 'x-request-id': 'mine' }
  expect(told(await post(one, ask(), undefined, id))).toEqual({
    'x-llmroute-request-id': 'mine',
    'x-llmroute-policy': 'threshold',
    'x-llmroute-strategy': 'length',
    'x-llmroute-win-rate': expect.stringMatching(/^0\.\d+$/),
    'x-llmroute-threshold': '0.5',
    'x-llmroute-attempts': '2',
  })
  expect(told(await post(one, ask('third', { stream: true }), undefined, id))).toEqual({
    'x-llmroute-request-id': 'mine',
    'x-llmroute-policy': 'model',
    'x-llmroute-attempts': '1',
  })
  expect(told(await post(one, ask(), '/v1/route', id))).toEqual({ 'x-llmroute-request-id': 'mine' })
})

test('the log of a request that was turned away names the client, where its key is known', async () => {
  const key = 'llmr-0'
  const sha256 = createHash('sha256').update(key).digest('hex')
  const one = await start(`serve: { keys: [{ name: alice, sha256: '${sha256}', rate_limit: 1 }] }`)
  const line = (code: string) => one.log().find(line => line.code === code)
  const headers = { authorization: `Bearer ${key}` }
  const answers = [
    await post(one, ask()),
    ...(await Promise.all([1, 2].map(() => post(one, ask(), undefined, headers)))),
  ]
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 429])
  await one.until(() => Boolean(line('rate_limit_exceeded')))
  expect(line('rate_limit_exceeded')).toMatchObject({ client: 'alice', status: 429, path: '/v1/chat/completions' })
  expect(line('invalid_api_key')).not.toHaveProperty('client')
})

test('a response cache that cannot be used ends the start, and not the first request', async () => {
  await expect(start(`cache: { folder: llmroute.yaml }`)).rejects.toThrow(/serve ended with 2: .*llmroute\.yaml: /)
})

test('where no model has a key, every way of asking says that, and that it is not ready', async () => {
  const entry = `{ base_url: ${models.url}, api_key_env: NO_SUCH_KEY }`
  const config = `
models:
  big: ${entry}
  small: ${entry}
  claude: { base_url: ${models.url}, api: anthropic, api_key_env: NO_SUCH_KEY }
pair: { strong: big, weak: small }
strategy: length
threshold: 0.5
`
  const one = await startWith(config, { env: { NO_SUCH_KEY: '' } })
  const codeOf = async (body: object, path?: string) => {
    const answer = await post(one, body, path)
    const { error } = (await answer.json()) as { error: { code: string; message: string } }
    return [answer.status, error.code, error.message]
  }
  const none = 'None of the models big, small can be called: this server has no key for any of them.'
  expect(await codeOf(ask())).toEqual([503, 'model_without_key', none])
  expect(await codeOf(ask('router-length-0.5'))).toEqual([503, 'model_without_key', none])
  expect(await codeOf(ask('auto', { input: 'hi' }), '/v1/embeddings')).toEqual([503, 'model_without_key', none])
  const small = 'The model small cannot be called: this server has no key for it.'
  expect(await codeOf(ask('small'))).toEqual([503, 'model_without_key', small])
  expect(await codeOf({ model: 'small', input: 'hi' }, '/v1/embeddings')).toEqual([503, 'model_without_key', small])
  const messages = await post(one, ask(), '/v1/messages')
  expect([messages.status, await messages.text()]).toEqual([503, expect.stringContaining('no key for it')])
  const ready = await fetch(`${one.url}/ready`)
  expect([ready.status, await ready.json()]).toEqual([
    503,
    { status: 'no model can be called', reason: 'no model has a key' },
  ])
})
