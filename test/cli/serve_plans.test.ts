import OpenAI from 'openai'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { json, type ModelServer, startModelServer } from '../helpers/model_server.ts'
import { type ServeProcess, startServe } from '../helpers/serve_process.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
let models: ModelServer
let serve: ServeProcess

async function start(rest: string): Promise<ServeProcess> {
  serve = await startServe(
    folder.path,
    `
models:
  a: { base_url: ${models.url}, name: provider/a, input_price: 1, output_price: 1 }
  b: { base_url: ${models.url}, name: provider/b, input_price: 1, output_price: 1 }
  c: { base_url: ${models.url}, name: provider/c, input_price: 1, output_price: 1 }
pair: { strong: a, weak: b }
retry: { attempts: 1 }
${rest}
`,
  )
  return serve
}
const ENSEMBLE = 'policy: ensemble\nensemble: { models: [a, b, c] }'

beforeAll(async () => {
  models = await startModelServer()
})
beforeEach(() => {
  models.received.length = 0
  models.instead = () => false
})
afterEach(() => serve?.stop())
afterAll(() => models?.close())

const ask = (more: object = {}) => ({ model: 'auto', messages: [{ role: 'user' as const, content: 'hi' }], ...more })
const post = ({ url }: ServeProcess, body: object | string, path = '/v1/chat/completions', headers = {}) =>
  fetch(`${url}${path}`, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) })
const client = ({ url }: ServeProcess) => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 })
const text = (of: Uint8Array) => Buffer.from(of).toString('utf8')

describe('bytes', () => {
  const sent =
    '{ "messages":[{"role":"user","content":"\\u0068i"}],\n"seed": 12345678901234567890, "unknown_field": {"model":"keep","stream":true}, "temperature": 1.0e0, "stream" : true,"stream_options": {"include_usage":true}, "model":"auto" }'

  test('of an ensemble: every model gets them as they came, but for its name and the stream', async () => {
    const one = await start(ENSEMBLE)
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const headers = { traceparent: trace, 'idempotency-key': 'once', authorization: 'Bearer mine' }
    expect((await post(one, sent, undefined, headers)).status).toBe(200)
    const expected = ['a', 'b', 'c'].map(id =>
      sent
        .replace('"auto"', `"provider/${id}"`)
        .replace('"stream" : true', '"stream" : false')
        .replace('{"include_usage":true}', 'null'),
    )
    expect(models.received.map(({ bytes }) => text(bytes)).sort()).toEqual(expected.sort())
    for (const { headers } of models.received) {
      expect(headers).toMatchObject({ traceparent: trace, 'content-type': 'application/json' })
      expect([headers['idempotency-key'], headers.authorization]).toEqual([undefined, undefined])
    }
  })

  test('of a cascade: samples at the temperature of the request, or one put in front', async () => {
    const one = await start('policy: cascade\ncascade: { order: [a, b], samples: 2 }')
    models.instead = ({ body }, response) =>
      json(response, 200, {
        choices: [{ index: 0, message: { role: 'assistant', content: body.model }, finish_reason: 'stop' }],
      })
    const plain = '{"seed":12345678901234567890,"messages":[{"role":"user","content":"hi"}],"model":"auto"}'
    expect((await post(one, plain)).status).toBe(200)
    expect(models.received.map(({ bytes }) => text(bytes))).toEqual(
      Array(2).fill(plain.replace('"auto"', '"provider/a"').replace('{', '{"temperature":0.7,')),
    )
    models.received.length = 0
    expect((await post(one, sent)).status).toBe(200)
    expect(text(models.received[0]!.bytes)).toContain('"temperature": 1.0e0, "stream" : false')
  })
})

test('include_usage: a last chunk without choices has the tokens of all calls, the others null; else no chunk says any', async () => {
  const one = await start(ENSEMBLE)
  const stream = await client(one).chat.completions.create(
    ask({ stream: true, stream_options: { include_usage: true } }) as ReturnType<typeof ask> & { stream: true },
  )
  const chunks = []
  for await (const chunk of stream) chunks.push(chunk)
  expect(chunks.map(({ choices, usage }) => [choices.length, usage])).toEqual([
    [1, null],
    [1, null],
    [0, { prompt_tokens: 33, completion_tokens: 21, total_tokens: 54 }],
  ])
  expect(chunks.map(({ id, created, model }) => [id, created, model])).toEqual(
    Array(3).fill(['chatcmpl-1', 1, expect.stringMatching(/^provider\/[abc]$/)]),
  )
  const bare = await (await post(one, ask({ stream: true }))).text()
  expect(bare).not.toContain('usage')
  expect(bare).toMatch(/"finish_reason":"stop"\}\]\}\n\ndata: \[DONE\]\n\n$/)
})

const look = { type: 'function', function: { name: 'look', parameters: { type: 'object' } } }
const called = (args: string, index = 0) => ({
  id: `call_${args}`,
  type: 'function',
  function: { name: 'look', arguments: args },
  index,
})
const calling = (model: string, args: string) => ({
  ...{ id: `of ${model}`, object: 'chat.completion', created: 1, model },
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: null, tool_calls: [called(args)] },
      finish_reason: 'tool_calls',
    },
  ],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
})

test('tools: the call that most make is the answer, whole, streamed or not', async () => {
  const one = await start(ENSEMBLE)
  models.instead = ({ body }, response) =>
    json(response, 200, calling(body.model, body.model === 'provider/a' ? '{"at":"sea"}' : '{"at": "sky"}'))
  const { choices } = await client(one).chat.completions.create(ask({ tools: [look] }))
  expect(choices[0]).toMatchObject({ finish_reason: 'tool_calls', message: { content: null } })
  expect(choices[0]!.message.tool_calls).toEqual([called('{"at": "sky"}')])
  const runner = client(one).chat.completions.stream(ask({ tools: [look] }))
  const final = await runner.finalChatCompletion()
  expect(final.choices[0]).toMatchObject({
    finish_reason: 'tool_calls',
    message: { tool_calls: [{ id: 'call_{"at": "sky"}' }] },
  })
})

describe('a conversation that goes on', () => {
  const CASCADE = 'policy: cascade\ncascade: { order: [a, b], samples: 2 }'
  const going = [
    { role: 'user', content: 'hi' },
    { role: 'assistant', content: null, tool_calls: [called('{}')] },
    { role: 'tool', tool_call_id: 'call_{}', content: 'fine' },
  ]
  /** Who answered a second turn, by which policy, and who was asked for it, where the answers of `a` to the first do not agree. */
  const second = async (config: string) => {
    const one = await start(config)
    let n = 0
    models.instead = ({ body }, response) => json(response, 200, calling(body.model, `{"n":${n++}}`))
    expect((await post(one, ask({ tools: [look] }))).headers.get('x-llmroute-model')).toBe('b')
    models.received.length = 0
    const { headers } = await post(one, ask({ messages: going, tools: [look] }))
    const asked = models.received.map(({ body }) => body.model.slice(-1))
    return [headers.get('x-llmroute-model'), headers.get('x-llmroute-policy'), asked.sort().join('')]
  }

  test('keeps the model whose answer a cascade took', async () => {
    expect(await second(CASCADE)).toEqual(['b', 'sticky', 'b'])
  })

  test('begins the cascade again under sticky: false', async () => {
    expect(await second(`${CASCADE}\nserve: { sticky: false }`)).toEqual(['b', 'cascade', 'aab'])
  })

  test('asks the whole ensemble again', async () => {
    const one = await start(ENSEMBLE)
    await post(one, ask())
    models.received.length = 0
    expect((await post(one, ask({ messages: going }))).headers.get('x-llmroute-policy')).toBe('ensemble')
    expect(models.received).toHaveLength(3)
  })
})

test('what cannot be merged is refused with what to do, and nobody is asked', async () => {
  const one = await start('policy: ensemble\nensemble: { models: [a, b], merge: concatenate }')
  const refused = async (body: object, path?: string) => {
    const answer = await post(one, body, path)
    return [answer.status, ((await answer.json()) as { error: object }).error]
  }
  const error = (param: string, message: string, code: string | null = 'unsupported_by_policy') => [
    400,
    { message, type: 'invalid_request_error', param, code },
  ]
  expect(await refused(ask({ n: 2 }))).toEqual(
    error(
      'n',
      'n: expected 1 under ensemble, which asks several models for one answer, got 2. Send as many requests, name one model, or router-STRATEGY-THRESHOLD.',
    ),
  )
  expect(await refused({ model: 'auto', input: 'hi' }, '/v1/responses')).toEqual(
    error(
      'model',
      '/v1/responses: expected a policy that picks one model, got ensemble, which asks several for one answer and does so at /v1/chat/completions. Ask there, name one model, or router-STRATEGY-THRESHOLD.',
    ),
  )
  expect((await refused({ model: 'auto', prompt: 'hi' }, '/v1/completions'))[0]).toBe(400)
  for (const [name, value] of Object.entries({
    tools: [look],
    response_format: { type: 'json_object' },
    logprobs: true,
  })) {
    expect(await refused(ask({ [name]: value }))).toEqual(
      error(
        name,
        `${name}: expected none under ensemble with merge: concatenate, whose answer is text, got some. Leave it out, name one model, or router-STRATEGY-THRESHOLD.`,
      ),
    )
  }
  expect(await refused({ model: 'auto' })).toEqual(error('messages', 'messages: expected a list, got none.', null))
  expect(models.received).toHaveLength(0)
  const fine = ask({ n: 1, response_format: { type: 'text' }, logprobs: false })
  expect(await (await post(one, fine)).json()).toMatchObject({
    choices: [{ message: { content: expect.stringMatching(/^## a\n\n[^#]+## b/) } }],
  })
  expect((await post(one, { model: 'a', input: 'hi' }, '/v1/responses')).status).toBe(200)
})

test('a request that every model refuses is told so, with their status', async () => {
  const one = await start(ENSEMBLE)
  models.instead = (_, response) =>
    json(response, 422, { error: { message: 'no', type: 'invalid_request_error', code: 'bad_seed' } })
  const answer = await post(one, ask())
  expect([answer.status, await answer.json()]).toEqual([
    422,
    {
      error: {
        message:
          'ensemble: expected 1 answer or more, got 0: a: status 422 (bad_seed); b: status 422 (bad_seed); c: status 422 (bad_seed).',
        type: 'invalid_request_error',
        param: null,
        code: 'request_refused',
      },
    },
  ])
})

test('who leaves a plan before its answer pays all models that were asked for what they read', async () => {
  const one = await start(ENSEMBLE)
  models.instead = () => true
  const controller = new AbortController()
  const body = JSON.stringify(ask({ messages: [{ role: 'user', content: 'x'.repeat(4000) }] }))
  const asked = fetch(`${one.url}/v1/chat/completions`, { method: 'POST', body, signal: controller.signal })
  await one.until(() => models.received.length === 3)
  controller.abort()
  await expect(asked).rejects.toThrow()
  const line = () => one.log().find(({ ending }) => ending === 'abandoned')
  await one.until(() => line() !== undefined)
  expect(line()!.cost).toBeCloseTo(0.003)
})

describe('what several models were paid is counted by model, and judges too', () => {
  const answered = 18 / 1e6
  const long = ask({ messages: [{ role: 'user', content: 'x'.repeat(4000) }] })

  /** Dollars by model. */
  async function dollars({ url }: ServeProcess): Promise<Record<string, number>> {
    const metrics = await (await fetch(`${url}/metrics`)).text()
    return Object.fromEntries(
      [...metrics.matchAll(/^llmroute_dollars_total\{model="(\w+)",key=""\} (.+)$/gm)].map(([, model, sum]) => [
        model!,
        Number(sum),
      ]),
    )
  }

  /** Asks, leaves once so many calls have come, and gives what that cost. */
  async function left(one: ServeProcess, calls: number): Promise<{ cost: unknown; by: Record<string, number> }> {
    const controller = new AbortController()
    const asked = fetch(`${one.url}/v1/chat/completions`, {
      ...{ method: 'POST', body: JSON.stringify(long), signal: controller.signal },
    })
    await one.until(() => models.received.length === calls)
    // What was answered before them has been read by then.
    for (let i = 0; i < 3; i++) await fetch(`${one.url}/health`)
    controller.abort()
    await expect(asked).rejects.toThrow()
    const line = () => one.log().find(({ ending }) => ending === 'abandoned')
    await one.until(() => line() !== undefined)
    return { cost: line()!.cost, by: await dollars(one) }
  }

  test.each([
    ['ensemble: { models: [a, b] }', 2, 'b', { a: answered }],
    ['ensemble: { models: [a, b], merge: judge, judge: c }', 3, 'c', { a: answered, b: answered }],
    ['ensemble: { models: [a, b], merge: best_of_n, judge: c }', 4, 'c', { a: answered, b: answered }],
    ['cascade: { order: [a, b], accept: judge, judge: c }', 2, 'c', { a: answered }],
    ['cascade: { order: [a, b], accept: self_consistency, samples: 2 }', 2, 'a', {}],
  ] as const)('by who leaves %s', async (plan, calls, hangs, answers) => {
    const one = await start(`policy: ${plan.split(':')[0]}\n${plan}`)
    models.instead = ({ body }) => body.model === `provider/${hangs}`
    const { cost, by } = await left(one, calls)
    const sent = models.received.filter(({ body }) => body.model === `provider/${hangs}`)
    const read = sent.flatMap(({ body }) => body.messages.map(({ content }) => String(content))).join('')
    // At four characters a token and $1 a million; each turn is rounded up.
    expect(by).toEqual({ ...answers, [hangs]: expect.closeTo(read.length / 4 / 1e6, 5) })
    expect(cost).toBeCloseTo(
      Object.values(by).reduce((sum, one) => sum + one),
      9,
    )
  })

  test('by an ensemble that goes on without a late model', async () => {
    const one = await start(`${ENSEMBLE.slice(0, -1)}, deadline: 300 }`)
    models.instead = ({ body }) => body.model === 'provider/c'
    expect((await post(one, long)).status).toBe(200)
    await one.until(() => one.log().some(({ ending }) => ending === 'whole'))
    const by = await dollars(one)
    expect(by).toEqual({ a: answered, b: answered, c: expect.closeTo(0.001) })
    expect(one.log().find(({ ending }) => ending === 'whole')!.cost).toBeCloseTo(by.a! + by.b! + by.c!, 9)
  })
})

test('what an ensemble without an answer has cost all the same is known', async () => {
  const one = await start(`${ENSEMBLE.slice(0, -1)}, at_least: 3 }`)
  models.instead = ({ body }, response) => body.model === 'provider/c' && json(response, 500, {})
  expect((await post(one, ask(), undefined, { 'x-request-id': 'too-few' })).status).toBe(502)
  const line = () => one.log().find(({ request }) => request === 'too-few')
  await one.until(() => line() !== undefined)
  expect(line()).toMatchObject({ ending: 'failed', cost: (2 * 18) / 1e6, failed: ['c: status 500'] })
})

test.each([
  'policy: ensemble\nensemble: { models: [a, b], merge: judge, judge: j }',
  'policy: cascade\ncascade: { order: [a, b], accept: judge, judge: j }',
])('a judge without a key is a 503 that names no variable, and nobody is asked: %s', async policy => {
  const one = await startServe(
    folder.path,
    `
models:
  a: { base_url: ${models.url}, input_price: 1, output_price: 1 }
  b: { base_url: ${models.url}, input_price: 1, output_price: 1 }
  j: { base_url: ${models.url}, api_key_env: TEST_NO_SUCH_KEY }
${policy}
`,
  )
  serve = one
  const answer = await post(one, ask())
  expect([answer.status, await answer.json()]).toEqual([
    503,
    {
      error: {
        message: 'The model j cannot be called: this server has no key for it.',
        ...{ type: 'server_error', param: null, code: 'model_without_key' },
      },
    },
  ])
  expect(models.received).toHaveLength(0)
})
