import OpenAI from 'openai'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { json, type ModelServer, startModelServer } from '../helpers/model_server.ts'
import { type ServeProcess, startServe } from '../helpers/serve_process.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const LONG = 'Explain at length and with every detail how this works. '.repeat(20)
let models: ModelServer
let serve: ServeProcess
let made = 0

/** An endpoint that knows the responses that it made, and answers 404 to others, as OpenAI does. */
const stateful = (): ModelServer['instead'] => {
  const known = new Map<string, string>()
  return ({ body }, response) => {
    const { model, stream, previous_response_id: previous, conversation } = body as Record<string, string>
    const missing = [previous, conversation].find(id => id !== undefined && (known.get(id) ?? model) !== model)
    if (missing !== undefined || (previous !== undefined && !known.has(previous))) {
      const message = `Previous response with id '${missing}' not found.`
      return json(response, 400, {
        error: { message, type: 'invalid_request_error', code: 'previous_response_not_found' },
      })
    }
    const id = `resp_${made++}`
    known.set(id, model!)
    if (conversation !== undefined) known.set(conversation, model!)
    const content = [{ type: 'output_text', text: 'fine', annotations: [] }]
    const output = [{ type: 'message', id: 'm', role: 'assistant', status: 'completed', content }]
    const whole = { id, object: 'response', model, status: 'completed', output }
    if (!stream) return json(response, 200, whole)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const type of ['response.created', 'response.completed']) {
      response.write(`event: ${type}\ndata: ${JSON.stringify({ type, response: whole })}\n\n`)
    }
    response.end()
    return true
  }
}

beforeAll(async () => {
  models = await startModelServer()
})
afterEach(() => serve?.stop())
afterAll(() => models?.close())

async function start(more = ''): Promise<OpenAI> {
  models.instead = stateful()
  serve = await startServe(
    folder.path,
    `
models:
  big: { base_url: ${models.url} }
  small: { base_url: ${models.url} }
pair: { strong: big, weak: small }
strategy: length
threshold: 0.5
retry: { attempts: 1 }
${more}
`,
  )
  return new OpenAI({ baseURL: `${serve.url}/v1`, apiKey: 'none', maxRetries: 0 })
}

test.each(['', 'serve: { sticky: false }'])('a response is continued by the model that made it (%s)', async more => {
  const client = await start(more)
  const first = await client.responses.create({ model: 'auto', input: LONG })
  expect(first.model).toBe('big')
  const second = await client.responses
    .create({ model: 'auto', input: 'thanks', previous_response_id: first.id })
    .withResponse()
  expect(second.data.model).toBe('big')
  expect(second.response.headers.get('x-llmroute-policy')).toBe('sticky')
  const third = await client.responses.create({ model: 'auto', input: 'so?', previous_response_id: second.data.id })
  expect(third.model).toBe('big')
  expect((await client.responses.create({ model: 'auto', input: 'thanks' })).model).toBe('small')
})

test('so are one that was streamed, and one of a model that was named', async () => {
  const client = await start()
  let id = ''
  const stream = await client.responses.create({ model: 'router-length-0', input: 'hi', stream: true })
  for await (const event of stream) if (event.type === 'response.completed') id = event.response.id
  expect((await client.responses.create({ model: 'auto', input: 'go on', previous_response_id: id })).model).toBe('big')
  const named = await client.responses.create({ model: 'big', input: 'hi' })
  const next = await client.responses.create({ model: 'auto', input: 'go on', previous_response_id: named.id })
  expect(next.model).toBe('big')
})

test('no other model takes over, since it would not know the conversation', async () => {
  const client = await start('breaker: { failures: 1 }')
  const { id } = await client.responses.create({ model: 'auto', input: LONG })
  const usual = models.instead
  models.instead = (received, response) =>
    received.body.model === 'big' ? json(response, 500, {}) : usual(received, response)
  const next = client.responses.create({ model: 'auto', input: 'go on', previous_response_id: id })
  await expect(next).rejects.toMatchObject({ status: 502, error: { message: expect.stringMatching(/^big: /) } })
  models.instead = usual
  // Its breaker is open now, and still nobody else is asked.
  const open = client.responses.create({ model: 'auto', input: 'go on', previous_response_id: id })
  await expect(open).rejects.toMatchObject({ error: { message: expect.stringMatching(/^big: .*breaker/) } })
})

test('a conversation that the provider keeps stays with its model; what nobody here has made is decided as usual', async () => {
  const client = await start()
  const ask = (input: string) => client.responses.create({ model: 'auto', input, conversation: 'conv_1' })
  expect((await ask(LONG)).model).toBe('big')
  expect((await ask('thanks')).model).toBe('big')
  const strange = client.responses.create({ model: 'auto', input: 'hi', previous_response_id: 'resp_of_yesterday' })
  await expect(strange).rejects.toMatchObject({ status: 400, code: 'previous_response_not_found' })
})

test('calls of tools and their results go to the model that called them', async () => {
  const client = await start('policy: round_robin')
  const input: OpenAI.Responses.ResponseInput = [{ role: 'user', content: 'How is the weather?' }]
  const first = await client.responses.create({ model: 'auto', input })
  input.push({ type: 'function_call', call_id: 'a', name: 'weather', arguments: '{}' })
  input.push({ type: 'function_call_output', call_id: 'a', output: 'sunny' })
  for (let turn = 0; turn < 3; turn++) {
    const { data, response } = await client.responses.create({ model: 'auto', input }).withResponse()
    expect([data.model, response.headers.get('x-llmroute-policy')]).toEqual([first.model, 'sticky'])
  }
})

test('what continues or leaves something at the provider is not answered from the cache; the same request otherwise is', async () => {
  const client = await start('cache: { ttl: 1h }')
  const cached = async (more: object) => {
    const asked = { model: 'small', input: 'yes, go on', ...more }
    const { response } = await client.responses.create(asked).withResponse()
    return response.headers.get('x-llmroute-cache')
  }
  for (const more of [{}, { conversation: 'conv_1', store: false }])
    expect([await cached(more), await cached(more)]).toEqual(['miss', 'miss'])
  expect([await cached({ store: false }), await cached({ store: false })]).toEqual(['miss', 'hit'])
})

test.each<[string, object]>([
  [
    '/v1/chat/completions',
    { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:' } }] }] },
  ],
  ['/v1/responses', { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'data:' }] }] }],
  ['/v1/messages', { max_tokens: 9, messages: [{ role: 'user', content: [{ type: 'image', source: {} }] }] }],
])('%s: an image goes to no model that reads none', async (path, body) => {
  const config = `
models:
  blind: { base_url: ${models.url}, vision: false }
  seeing: { base_url: ${models.url}, vision: true }
  blind_claude: { base_url: ${models.url}, api: anthropic, vision: false }
  seeing_claude: { base_url: ${models.url}, api: anthropic, vision: true }
policy: round_robin
`
  models.instead = () => false
  serve = await startServe(folder.path, config)
  const answers = await Promise.all(
    Array.from({ length: 4 }, () =>
      fetch(`${serve.url}${path}`, { method: 'POST', body: JSON.stringify({ model: 'auto', ...body }) }),
    ),
  )
  const asked = answers.map(({ headers }) => headers.get('x-llmroute-model'))
  expect(asked).toEqual(Array(4).fill(path === '/v1/messages' ? 'seeing_claude' : 'seeing'))
})
