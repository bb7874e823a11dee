import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import OpenAI from 'openai'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { json, type ModelServer, startModelServer } from '../helpers/model_server.ts'
import { runCli } from '../helpers/run_cli.ts'
import { type ServeProcess, startServe } from '../helpers/serve_process.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
let models: ModelServer
let serve: ServeProcess | undefined

const pair = () => `
models:
  big: { base_url: ${models.url}, api_key_env: TEST_KEY, input_price: 10, output_price: 30 }
  small: { base_url: ${models.url}, api_key_env: TEST_KEY, input_price: 1, output_price: 2 }
  claude: { base_url: ${models.url}, api: anthropic, api_key_env: TEST_KEY, input_price: 1, output_price: 2 }
pair: { strong: big, weak: small }
retry: { attempts: 1 }
`
const byLength = 'strategy: length\nthreshold: 0.5\n'
/** Starts one that is stopped at the latest by the next. */
async function start(rest: string, args: readonly string[] = []): Promise<ServeProcess> {
  await serve?.stop()
  serve = await startServe(folder.path, pair() + rest, { args, env: { TEST_KEY: 'sk-provider' } })
  return serve
}

beforeAll(async () => {
  models = await startModelServer()
})
beforeEach(() => {
  models.received.length = 0
  models.instead = () => false
})
afterAll(async () => {
  await serve?.stop()
  await models?.close()
})

const turn = (content: string, role: 'user' | 'assistant' | 'system' | 'developer' = 'user') => ({ role, content })
const LONG = 'Explain at length and with every detail how this works. '.repeat(20)
const post = (
  { url }: ServeProcess,
  body: object,
  headers: Record<string, string> = {},
  path = '/v1/chat/completions',
) => fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify({ model: 'auto', ...body }) })
const modelOf = async (answer: Promise<Response>) => (await answer).headers.get('x-llmroute-model')
/** So many requests, 32 at a time. */
async function many(count: number, send: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < count) await send(next++)
  }
  await Promise.all(Array.from({ length: 32 }, lane))
}

test('the decision log says who answered, for how much, and is read by replay; a shadow policy is logged beside it', async () => {
  const one = await start(`${byLength}log: { file: decisions.jsonl }\nserve: { shadow: round_robin }`)
  await many(20, i => post(one, { messages: [turn(i % 2 ? LONG + i : `hi ${i}`)] }))
  const shadows = () => one.log().filter(({ msg }) => msg === 'shadow')
  await one.until(() => shadows().length === 20)
  expect(shadows()[0]).toMatchObject({
    request: expect.stringMatching(/^req_/),
    model: expect.stringMatching(/^(big|small)$/),
    shadow: { policy: 'round_robin', model: expect.any(String) },
  })
  expect(models.received).toHaveLength(20)
  await one.stop()
  const file = join(folder.path, 'decisions.jsonl')
  const text = readFileSync(file, 'utf8')
  expect(text).not.toContain('hi 2')
  expect(text).not.toContain('sk-provider')
  const lines = text
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  expect(lines).toHaveLength(20)
  expect(lines.map(({ model }) => model).sort()).toEqual([...Array(10).fill('big'), ...Array(10).fill('small')])
  expect(lines[0]).toMatchObject({ policy: 'threshold', strategy: 'length', threshold: 0.5 })
  const replayed = await runCli(['replay', file, '--config', join(folder.path, 'llmroute.yaml'), '--threshold', '0.5'])
  expect(replayed).toMatchObject({ code: 0, stdout: expect.stringContaining('20') })
})

test('ab: a fixed split, sticky by the user that is told; the log does not name the user, and replay finds the same arms', async () => {
  const file = join(folder.path, 'arms.jsonl')
  const one = await start('policy: ab\nab: { split: { big: 0.5, small: 0.5 } }\nlog: { file: arms.jsonl }')
  const arms = new Map<string, string | null>()
  for (let i = 0; i < 24; i++) arms.set(`u${i}`, await modelOf(post(one, { user: `u${i}`, messages: [turn('hi')] })))
  expect(new Set(arms.values())).toEqual(new Set(['big', 'small']))
  for (const [user, arm] of arms) expect(await modelOf(post(one, { user, messages: [turn(LONG)] }))).toBe(arm)
  await post(one, { prompt_cache_key: 'alice@example.com', messages: [turn('hi')] })
  await one.stop()
  const text = readFileSync(file, 'utf8')
  const keys = text
    .trim()
    .split('\n')
    .map(line => (JSON.parse(line) as { key: string }).key)
  expect(new Set(keys).size).toBe(25)
  expect(keys.at(-1)).toBe(createHash('sha256').update('alice@example.com').digest('hex').slice(0, 32))
  expect(text).not.toMatch(/"u\d|alice/)
  const again = await runCli([
    'replay',
    file,
    '--config',
    join(folder.path, 'llmroute.yaml'),
    '--policy',
    'ab',
    '--json',
  ])
  expect(JSON.parse(again.stdout)).toMatchObject({ requests: 49, changed: 0 })
})

test('ab: users who begin with the same words stay in their own arms', async () => {
  const one = await start('policy: ab\nab: { split: { big: 0.5, small: 0.5 } }')
  for (const name of ['user', 'prompt_cache_key', 'safety_identifier']) {
    const arms = new Map<string, string | null>()
    for (let i = 0; i < 12; i++)
      arms.set(`u${i}`, await modelOf(post(one, { [name]: `u${i}`, messages: [turn('hello')] })))
    expect(new Set(arms.values())).toEqual(new Set(['big', 'small']))
    const messages = [turn('hello'), turn('Hi.', 'assistant'), turn('more')]
    for (const [user, arm] of arms) expect(await modelOf(post(one, { [name]: user, messages }))).toBe(arm)
  }
})

describe('conversations', () => {
  const talk = [turn(LONG), turn('Fine.', 'assistant'), turn('thanks')]

  test('sticky: false lets each turn be decided anew', async () => {
    const one = await start(`${byLength}serve: { sticky: false }`)
    expect(await modelOf(post(one, { messages: [turn(LONG)] }))).toBe('big')
    expect(await modelOf(post(one, { messages: talk }))).toBe('small')
  })

  test('--context scores all that was said', async () => {
    const one = await start(`${byLength}serve: { sticky: false }`, ['--context'])
    expect(await modelOf(post(one, { messages: talk }))).toBe('big')
  })

  test('system prompts and results of tools neither count nor crash', async () => {
    const one = await start(byLength)
    const parts = [
      { type: 'image_url', image_url: { url: 'data:,' } },
      { type: 'text', text: 'hi' },
    ]
    const messages = [
      turn(LONG, 'system'),
      turn(LONG, 'developer'),
      { role: 'user', content: parts },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: '1', type: 'function', function: { name: 'f', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: '1', content: LONG },
    ]
    expect(await modelOf(post(one, { messages }))).toBe('small')
    expect(await modelOf(post(one, { messages: [turn(LONG, 'system')] }))).toBe('small')
    expect(await modelOf(post(one, { messages: [] }))).toBe('small')
  })

  test('a conversation leaves its model while the breaker of that is open', async () => {
    const one = await start(`${byLength}breaker: { failures: 1 }`)
    expect(await modelOf(post(one, { messages: [turn(LONG)] }))).toBe('big')
    models.instead = ({ body }, response) => body.model === 'big' && json(response, 500, {})
    expect(await modelOf(post(one, { messages: talk }))).toBe('small')
    models.instead = () => false
    const moved = await post(one, { messages: [...talk, turn('So.', 'assistant'), turn('go on')] })
    expect([moved.headers.get('x-llmroute-model'), moved.headers.get('x-llmroute-policy')]).toEqual(['small', 'sticky'])
  })
})

const WORDS = 'prove that every even number is a sum of two primes, and why python code may loop'.split(' ')

test('threshold: auto keeps to the share that is asked for, whatever the traffic is like', async () => {
  const one = await start('strategy: mf\nthreshold: auto\nstrong_pct: 0.3\n')
  let strong = 0
  await many(900, async i => {
    const words = WORDS.filter((_, k) => ((i * 7919) >> k) & 1).join(' ')
    const model = await modelOf(post(one, { messages: [turn(`${i} ${words}`)] }))
    if (i >= 500 && model === 'big') strong++
  })
  expect(strong / 400).toBeGreaterThan(0.22)
  expect(strong / 400).toBeLessThan(0.38)
  expect(await (await fetch(`${one.url}/metrics`)).text()).toContain('llmroute_strong_share_target 0.3\n')
})

test('threshold: auto learns the share of a strategy that stores nothing, too; a flag goes before it', async () => {
  const one = await start('strategy: length\nthreshold: auto\nstrong_pct: 0.3\n')
  let strong = 0
  await many(200, async i => {
    const model = await modelOf(post(one, { messages: [turn(`${i} ${'word '.repeat((i * 7919) % 50)}`)] }))
    if (i >= 40 && model === 'big') strong++
  })
  expect(strong / 160).toBeGreaterThan(0.2)
  expect(strong / 160).toBeLessThan(0.4)
  const asked = await start('strategy: length\nthreshold: auto\n', ['--strong-pct', '0.1'])
  expect(await (await fetch(`${asked.url}/metrics`)).text()).toContain('llmroute_strong_share_target 0.1\n')
  const fixed = await start('strategy: length\nthreshold: auto\nstrong_pct: 0.3\n', ['--threshold', '0.9'])
  const { headers } = await post(fixed, { messages: [turn('hi')] })
  expect(headers.get('x-llmroute-threshold')).toBe('0.9')
  await fixed.stop()
  await expect(startServe(folder.path, `${pair()}strategy: length\nstrong_pct: 0.3\n`)).rejects.toThrow(
    'strong_pct: expected a strategy with stored win-rate quantiles, got length. Use --threshold, or llmroute calibrate --strategy length --data your_prompts.csv. With threshold: auto in llmroute.yaml, serve learns it from its traffic.',
  )
})

test('traffic that drifts from its target raises an alarm in log, metrics and page', async () => {
  const one = await start('strategy: mf\nstrong_pct: 0.5')
  await many(260, i => post(one, { messages: [turn(`ok ${i}`)] }))
  await one.until(() => one.log().some(({ msg }) => msg === 'drift'))
  expect(one.log().filter(({ msg }) => msg === 'drift')).toHaveLength(1)
  expect(one.log().find(({ msg }) => msg === 'drift')).toMatchObject({ level: 40, target: 0.5, isDrifting: true })
  expect(await (await fetch(`${one.url}/metrics`)).text()).toContain('llmroute_strong_share_drifting 1\n')
  expect(await (await fetch(one.url)).text()).toContain('drifting, calibrate again')
})

describe('what goes up', () => {
  test('of a client’s headers only those on a list: its key and cookies never, trace context always', async () => {
    const one = await start(byLength)
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await post(
      one,
      { messages: [turn('hi')] },
      {
        authorization: 'Bearer of-the-client',
        cookie: 'session=1',
        'x-api-key': 'of-the-client',
        'openai-organization': 'org',
        'proxy-authorization': 'Basic x',
        'x-forwarded-for': '1.2.3.4',
        'x-custom': '1',
        traceparent,
        tracestate: 'a=b',
        'x-request-id': 'mine-1',
      },
    )
    const { headers } = models.received[0]!
    expect(headers).toMatchObject({
      authorization: 'Bearer sk-provider',
      traceparent,
      tracestate: 'a=b',
      'x-request-id': 'mine-1',
    })
    for (const name of [
      'cookie',
      'x-api-key',
      'openai-organization',
      'proxy-authorization',
      'x-forwarded-for',
      'x-custom',
    ])
      expect(headers[name], name).toBeUndefined()
    await one.until(() => one.log().some(({ request }) => request === 'mine-1'))
  })

  test('where an answer does not count its tokens, they are estimated and marked so', async () => {
    const one = await start(byLength)
    models.instead = (_, response) =>
      json(response, 200, { choices: [{ index: 0, message: { role: 'assistant', content: 'x'.repeat(40) } }] })
    const body = await (await post(one, { messages: [turn('y'.repeat(80))] })).json()
    expect(body).not.toHaveProperty('usage')
    await one.until(() => one.log().some(({ msg }) => msg === 'request'))
    expect(one.log().find(({ msg }) => msg === 'request')).toMatchObject({
      inputTokens: 20,
      outputTokens: 10,
      isEstimated: true,
      cost: (20 * 1 + 10 * 2) / 1e6,
    })
    expect(await (await fetch(`${one.url}/metrics`)).text()).toContain(
      'llmroute_tokens_total{model="small",key="",kind="output",estimated="true"} 10',
    )
    models.instead = () => false
    await (await post(one, { stream: true, messages: [turn('hi')] })).text()
    await one.until(() => one.log().filter(({ msg }) => msg === 'request').length === 2)
    expect(one.log().findLast(({ msg }) => msg === 'request')).toMatchObject({ outputTokens: 3, isEstimated: true })
  })

  test('streams in Anthropic’s form, byte for byte, with their tokens counted', async () => {
    const one = await start(byLength)
    const events = [
      { type: 'message_start', message: { id: 'm', role: 'assistant', usage: { input_tokens: 25, output_tokens: 1 } } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'grüße 😀' } },
      { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 15 } },
      { type: 'message_stop' },
    ]
    const bytes = Buffer.from(events.map(event => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(''))
    models.instead = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (let at = 0; at < bytes.length; at += 13) response.write(bytes.subarray(at, at + 13))
      response.end()
      return true
    }
    const answer = await post(
      one,
      { model: 'claude', max_tokens: 9, stream: true, messages: [turn('hi')] },
      {},
      '/v1/messages',
    )
    expect(answer.headers.get('x-llmroute-model')).toBe('claude')
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true)
    await one.until(() => one.log().some(({ msg }) => msg === 'request'))
    expect(one.log().find(({ msg }) => msg === 'request')).toMatchObject({
      inputTokens: 25,
      outputTokens: 15,
      isEstimated: false,
    })
  })
})

describe('plans of several models', () => {
  const client = (one: ServeProcess) => new OpenAI({ baseURL: `${one.url}/v1`, apiKey: 'none', maxRetries: 0 })

  const saying = (model: string, content: string) => ({
    id: 'x',
    object: 'chat.completion',
    created: 1,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 },
  })

  test('cascade: the cheap model first, the next where its answers do not agree', async () => {
    const one = await start('policy: cascade\ncascade: { order: [small, big], samples: 2 }')
    models.instead = ({ body }, response) => json(response, 200, saying(body.model, 'the same'))
    expect(await modelOf(post(one, { messages: [turn('hi')] }))).toBe('small')
    expect(models.received.map(({ body }) => body.model)).not.toContain('big')
    let n = 0
    models.instead = ({ body }, response) => json(response, 200, saying(body.model, String.fromCharCode(65 + n++)))
    expect(await modelOf(post(one, { messages: [turn('hi again')] }))).toBe('big')
    models.instead = (_, response) => json(response, 500, {})
    const failed = await post(one, { messages: [turn('hi once more')] })
    expect([failed.status, ((await failed.json()) as { error: { code: string } }).error.code]).toEqual([
      502,
      'upstream_failed',
    ])
  })

  test('ensemble: all are asked, the majority answers, tokens are those of all; a stream comes in one piece', async () => {
    const one = await start('policy: ensemble\nensemble: { models: [big, small] }')
    models.instead = ({ body }, response) => json(response, 200, saying(body.model, 'yes'))
    const { data, response } = await client(one)
      .chat.completions.create({ model: 'auto', temperature: 0.5, messages: [{ role: 'user', content: 'hi' }] })
      .withResponse()
    expect(data.choices[0]!.message.content).toBe('yes')
    expect(data.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 2 })
    expect(response.headers.get('x-llmroute-policy')).toBe('ensemble')
    expect(models.received.map(({ body }) => [body.model, body.temperature]).sort()).toEqual([
      ['big', 0.5],
      ['small', 0.5],
    ])
    const stream = await client(one).chat.completions.create({
      model: 'auto',
      stream: true,
      messages: [{ role: 'user', content: 'hi' }],
    })
    let text = ''
    for await (const event of stream) text += event.choices[0]?.delta.content ?? ''
    expect(text).toBe('yes')
  })
})
