import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import OpenAI from 'openai'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { chunk, json, type ModelServer, startModelServer } from '../helpers/model_server.ts'
import { type ServeProcess, startServe } from '../helpers/serve_process.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const run = promisify(execFile)
const folder = temporaryFolder()
let models: ModelServer
let serve: ServeProcess
let client: OpenAI

beforeAll(async () => {
  models = await startModelServer()
  serve = await startServe(
    folder.path,
    `
models:
  gpt-4-1106-preview: { base_url: ${models.url} }
  mixtral: { base_url: ${models.url} }
pair: { strong: gpt-4-1106-preview, weak: mixtral }
strategy: length
threshold: 0.5
retry: { attempts: 1 }
breaker: { failures: 1000, minimum: 1000 }
`,
  )
  client = new OpenAI({ baseURL: `${serve.url}/v1`, apiKey: 'no_api_key', maxRetries: 0 })
})
beforeEach(() => {
  models.received.length = 0
  models.instead = () => false
})
afterAll(async () => {
  expect(await serve?.stop()).toBe(0)
  await models?.close()
})

const ask = (content: string) => [{ role: 'user' as const, content }]
const CHAT = '/v1/chat/completions'

describe('the openai client', () => {
  test('its streaming helper gathers text, tools and the end', async () => {
    models.instead = ({ body }, response) => {
      const call = (index: number, rest: object) => ({ tool_calls: [{ index, ...rest }] })
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(
        [
          chunk(body.model, { role: 'assistant', content: 'Let me ' }),
          chunk(body.model, { content: 'look: 😀' }),
          chunk(body.model, call(0, { id: 'c1', type: 'function', function: { name: 'look', arguments: '{"at"' } })),
          chunk(body.model, call(0, { function: { arguments: ':"sky"}' } })),
          chunk(body.model, {}, 'tool_calls'),
          'data: [DONE]\n\n',
        ].join(''),
      )
      return true
    }
    const helper = client.chat.completions.stream({ model: 'auto', messages: ask('look') })
    const deltas: string[] = []
    helper.on('content.delta', ({ delta }) => deltas.push(delta))
    const whole = await helper.finalChatCompletion()
    expect(deltas.join('')).toBe('Let me look: 😀')
    expect(whole.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: [{ id: 'c1', function: { name: 'look', arguments: '{"at":"sky"}' } }] },
    })
  })

  test('runTools goes to and fro until there is an answer, at one model', async () => {
    models.instead = ({ body }, response) => {
      const isOver = body.messages.some(({ role }) => role === 'tool')
      const calls = [{ id: 'c1', type: 'function', function: { name: 'look', arguments: '{"at":"sky"}' } }]
      const message = { role: 'assistant', ...(isOver ? { content: 'Blue.' } : { content: null, tool_calls: calls }) }
      return json(response, 200, {
        id: 'x',
        object: 'chat.completion',
        created: 1,
        model: body.model,
        choices: [{ index: 0, message, finish_reason: isOver ? 'stop' : 'tool_calls' }],
      })
    }
    const runner = client.chat.completions.runTools({
      model: 'auto',
      messages: ask('look'),
      tools: [
        {
          type: 'function' as const,
          function: {
            name: 'look',
            description: 'Looks.',
            parameters: { type: 'object', properties: { at: { type: 'string' } } },
            parse: (text: string): { at: string } => JSON.parse(text),
            function: ({ at }: { at: string }) => `blue ${at}`,
          },
        },
      ],
    })
    expect(await runner.finalContent()).toBe('Blue.')
    expect(models.received).toHaveLength(2)
    expect(models.received[1]!.body.messages.at(-1)).toMatchObject({ role: 'tool', content: 'blue sky' })
    expect(models.received[1]!.body.model).toBe(models.received[0]!.body.model)
  })

  test.each<[number, object, new (...args: never[]) => Error, number]>([
    [400, { message: 'bad', type: 'invalid_request_error', param: 'x', code: null }, OpenAI.BadRequestError, 400],
    [404, { message: 'none', type: 'invalid_request_error', code: 'x' }, OpenAI.NotFoundError, 404],
    [422, { message: 'no', type: 'invalid_request_error', code: 'x' }, OpenAI.UnprocessableEntityError, 422],
    [429, { message: 'slow', type: 'requests', code: 'rate_limit_exceeded' }, OpenAI.RateLimitError, 429],
    [500, { message: 'oops', type: 'server_error', code: null }, OpenAI.InternalServerError, 502],
    [503, { message: 'busy', type: 'server_error', code: null }, OpenAI.InternalServerError, 502],
  ])('status %i of all models is an error of its class, streamed or not', async (status, error, type, seen) => {
    models.instead = (_, response) => json(response, status, { error })
    for (const stream of [false, true]) {
      const failed = await client.chat.completions
        .create({ model: 'mixtral', messages: ask('hi'), stream })
        .catch(e => e)
      expect(failed).toBeInstanceOf(type)
      expect(failed.status).toBe(seen)
    }
  })

  test.each(['', 'data: {"choi', 'data: {"choices":[]}\n'])(
    'a stream that is cut is an error, not an end (%j)',
    async cut => {
      models.instead = (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write(chunk('m', { content: 'half' }) + cut, () => setTimeout(() => response.destroy(), 20))
        return true
      }
      const stream = await client.chat.completions.create({ model: 'mixtral', messages: ask('hi'), stream: true })
      let text = ''
      const reading = (async () => {
        for await (const event of stream) text += event.choices[0]?.delta.content ?? ''
      })()
      await expect(reading).rejects.toThrow(OpenAI.APIError)
      await expect(reading).rejects.toThrow('The model broke off before its answer was complete.')
      expect(text).toBe('half')
    },
  )

  test('an abort reaches the model, before and after the first byte', async () => {
    let closed = 0
    const silent: typeof models.instead = (_, response) => {
      response.on('close', () => closed++)
      return true
    }
    models.instead = silent
    const stop = new AbortController()
    const waiting = client.chat.completions.create({ model: 'mixtral', messages: ask('hi') }, { signal: stop.signal })
    await serve.until(() => models.received.length === 1)
    stop.abort()
    await expect(waiting).rejects.toBeInstanceOf(OpenAI.APIUserAbortError)
    await serve.until(() => closed === 1)
    models.instead = (received, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(chunk('m', { content: 'a' }))
      return silent(received, response)
    }
    const stream = await client.chat.completions.create({ model: 'mixtral', messages: ask('hi'), stream: true })
    for await (const _ of stream) stream.controller.abort()
    await serve.until(() => closed === 2)
    expect(
      (await fetch(`${serve.url}/metrics`).then(answer => answer.text())).match(/ending="abandoned"\} (\d+)/),
    ).toBeTruthy()
  })
})

describe('bytes', () => {
  const events = [
    ': a comment\n\n',
    chunk('m', { role: 'assistant', content: '' }),
    ...'grüße 😀 証明 \u2028'.split(/(?=.)/u).map(content => chunk('m', { content })),
    'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2},"extra":1e400,"big":12345678901234567890}\r\n\r\n',
    'event: x\nid: 7\nretry: 10\ndata: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
    'data: [DONE]\n\n',
  ]
  const bytes = Buffer.from(events.join(''))

  test.each([1, 2, 3, 7, 64, 100_000])('of a stream in pieces of %i are the same, in the same order', async step => {
    models.instead = async (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
      for (let at = 0; at < bytes.length; at += step) {
        response.write(bytes.subarray(at, at + step))
        if (at % (step * 16) === 0) await new Promise(resolve => setImmediate(resolve))
      }
      response.end()
      return true
    }
    const answer = await fetch(`${serve.url}${CHAT}`, {
      method: 'POST',
      body: JSON.stringify({ model: 'auto', stream: true, messages: ask('hi') }),
    })
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true)
  })

  test.each([
    ['short', 10],
    ['as long as goes out in one write', 65_000],
    ['longer', 300_000],
  ])('of an answer that is %s are the same', async (_, length) => {
    const whole = Buffer.from(
      `{"choices" : [{"index":0,"message":{"role":"assistant","content":"\\u00fcü😀${'ñ'.repeat(length / 2)}"}}],\n"big":12345678901234567890}`,
    )
    models.instead = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(whole)
      return true
    }
    const answer = await fetch(`${serve.url}${CHAT}`, {
      method: 'POST',
      body: JSON.stringify({ model: 'auto', messages: ask('hi') }),
    })
    expect(Buffer.from(await answer.arrayBuffer()).equals(whole)).toBe(true)
    expect(answer.headers.get('content-length')).toBe(String(whole.length))
  })
})

describe('curl', () => {
  test('streams', async () => {
    const body = JSON.stringify({ model: 'router-length-0.5', stream: true, messages: ask('hé') })
    const { stdout } = await run('curl', ['-sSN', '-i', `${serve.url}${CHAT}`, '-d', body])
    expect(stdout).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(stdout).toContain('x-llmroute-strategy: length\r\n')
    const said = [...stdout.matchAll(/^data: (\{.*)$/gm)].map(
      ([, data]) => JSON.parse(data!).choices[0].delta.content ?? '',
    )
    expect(said.join('')).toBe('You said: hé')
    expect(stdout.endsWith('data: [DONE]\n\n')).toBe(true)
  })

  test('asks for 100-continue with a large body, and is answered', async () => {
    const body = JSON.stringify({ model: 'auto', messages: ask('x'.repeat(2_000_000)) })
    const file = folder.write('body.json', body)
    const args = ['-sS', '-H', 'Expect: 100-continue', `${serve.url}${CHAT}`, '-d', `@${file}`]
    const { stdout } = await run('curl', args, { maxBuffer: 1e7 })
    expect(JSON.parse(stdout).model).toBe('gpt-4-1106-preview')
  })

  test('HEAD and OPTIONS do no harm', async () => {
    const { stdout } = await run('curl', ['-sSI', `${serve.url}/health`])
    expect(stdout).toMatch(/^HTTP\/1\.1 200 OK/)
    const options = await fetch(`${serve.url}${CHAT}`, { method: 'OPTIONS' })
    expect(options.status).toBe(405)
  })
})

test('RouteLLM’s examples: its client’s request, its health, an unknown router, a threshold that is none', async () => {
  const messages = ask('Hello!')
  const { data } = await client.chat.completions.create({ model: 'router-mf-0.11593', messages }).withResponse()
  expect(data.choices[0]!.message.content).toBe('You said: Hello!')
  expect(await (await fetch(`${serve.url}/health`)).json()).toEqual({ status: 'online' })
  await expect(client.chat.completions.create({ model: 'router-foo-0.5', messages })).rejects.toBeInstanceOf(
    OpenAI.NotFoundError,
  )
  await expect(client.chat.completions.create({ model: 'router-mf-x', messages })).rejects.toMatchObject({
    status: 400,
    code: 'invalid_threshold',
    message:
      '400 model: expected a number as threshold of router-mf-THRESHOLD, got "x". Write it in decimals, such as router-mf-0.5.',
  })
})
