import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import OpenAI from 'openai'
import { expect, test } from 'vitest'
import { json, type ModelServer } from '../helpers/model_server.ts'
import { dial } from '../helpers/raw_http.ts'
import { ask, models, post, start } from '../helpers/three_models.ts'

const wait = { big: '40', small: '7' } as Record<string, string>
const busy: ModelServer['instead'] = ({ body }, response) =>
  json(
    response,
    429,
    { error: { message: 'slow down', type: 'requests', code: 'rate_limit_exceeded' } },
    { 'retry-after': wait[body.model]! },
  )

test('all models busy: 429 with the earliest Retry-After, which openai’s client knows; so while breakers are open for it', async () => {
  const one = await start('breaker: { failures: 2 }')
  models.instead = busy
  const client = new OpenAI({ baseURL: `${one.url}/v1`, apiKey: 'none', maxRetries: 0 })
  const error = await client.chat.completions
    .create({ model: 'auto', messages: [{ role: 'user', content: 'hi' }] })
    .then(
      () => expect.fail('expected an error'),
      reason => reason,
    )
  expect(error).toBeInstanceOf(OpenAI.RateLimitError)
  expect(error).toMatchObject({ status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded' })
  expect(error.headers.get('retry-after')).toBe('7')
  expect(error.error.message).toBe(
    '2 models: expected an answer, got none: small: status 429 (rate_limit_exceeded); big: status 429 (rate_limit_exceeded).',
  )
  expect((await post(one, ask())).status).toBe(429)
  const sent = models.received.length
  const open = await post(one, ask())
  expect([open.status, models.received.length]).toEqual([429, sent])
  expect(Number(open.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(Number(open.headers.get('retry-after'))).toBeLessThanOrEqual(7)
})

test('a model that is busy and one that fails are a 502, an account that is refused too', async () => {
  const one = await start()
  models.instead = (received, response) =>
    received.body.model === 'big' ? json(response, 500, {}) : busy(received, response)
  expect((await post(one, ask())).status).toBe(502)
  models.instead = (_, response) =>
    json(response, 429, { error: { message: 'no', type: 'insufficient_quota', code: 'insufficient_quota' } })
  expect((await post(one, ask())).status).toBe(502)
})

test('models that take too long are a 504', async () => {
  const one = await start('timeouts: { first_byte: 100ms }')
  models.instead = () => true
  const answer = await post(one, ask())
  expect([answer.status, await answer.json()]).toEqual([
    504,
    {
      error: {
        message: '2 models: expected an answer, got none: small: no answer in 100 ms; big: no answer in 100 ms.',
        type: 'upstream_error',
        param: null,
        code: 'upstream_timeout',
      },
    },
  ])
})

test.skipIf(!existsSync('/usr/bin/prlimit') || !existsSync('/proc/self/fd'))(
  'too many open files: a 503 of our own, for which no model is left alone',
  async () => {
    const one = await start('breaker: { failures: 1 }')
    const limit = (files: number) => execFileSync('prlimit', ['--pid', String(one.pid), `--nofile=${files}:`])
    // A connection of its own from before: new ones are closed unheard when no file is left.
    const { socket, ended } = dial(one.url)
    const answered = once(socket, 'data')
    socket.write('GET /health HTTP/1.1\r\nhost: x\r\n\r\n')
    await answered
    const files = () => readdirSync(`/proc/${one.pid}/fd`).map(Number)
    const most = Math.max(...files()) + 1
    limit(most)
    const idle = Array.from({ length: most }, () => dial(one.url))
    await one.until(() => files().length >= most)
    const body = JSON.stringify(ask('small'))
    const head = `host: x\r\nconnection: close\r\nx-request-id: full\r\ncontent-length: ${body.length}`
    socket.write(`POST /v1/chat/completions HTTP/1.1\r\n${head}\r\n\r\n${body}`)
    const answer = (await ended).split('HTTP/1.1 ').at(-1)!
    expect(answer).toMatch(/^503 [\s\S]*\r\nretry-after: 1\r\n/)
    const message = 'small: expected an answer, got no connection, since too many files are open here (EMFILE).'
    expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({
      error: { message, type: 'server_error', code: 'server_overloaded' },
    })
    await one.until(() => one.log().some(({ request }) => request === 'full'))
    expect(one.log().find(({ request }) => request === 'full')).toMatchObject({
      level: 40,
      error: expect.stringMatching(/too many files are open here \(EMFILE\)\. .*ulimit -n/),
    })
    limit(1000)
    expect((await post(one, ask('small'))).status).toBe(200)
    for (const { socket } of idle) socket.destroy()
  },
)

test('clients never learn where models run; the log says it', async () => {
  const gone = createServer()
  await new Promise<void>(resolve => gone.listen(0, '127.0.0.1', resolve))
  const { port } = gone.address() as AddressInfo
  await new Promise(resolve => gone.close(resolve))
  const one = await start('', `http://127.0.0.1:${port}/v1`)
  for (const model of ['small', 'auto']) {
    const answer = await post(one, ask(model), undefined, { 'x-request-id': `refused-${model}` })
    const text = await answer.text()
    expect(answer.status).toBe(502)
    expect(text).toContain('small: ')
    expect(text).toContain('connection refused')
    expect(text + JSON.stringify([...answer.headers])).not.toMatch(new RegExp(`127\\.0\\.0\\.1|localhost|${port}`))
  }
  await one.until(() => one.log().some(({ request }) => request === 'refused-auto'))
  expect(one.log().find(({ request }) => request === 'refused-small')).toMatchObject({
    error: `small (127.0.0.1:${port}): expected an answer, got connection refused. Check that it runs and that the base URL is right.`,
  })
})

test('attempts are those that were sent: a model that is left alone counts none', async () => {
  const one = await start(`breaker: { failures: 1 }\nfallback: [third, big]\n`)
  models.instead = ({ body }, response) => body.model !== 'big' && json(response, 500, {})
  expect((await post(one, ask('third'))).status).toBe(502)
  const answer = await post(one, ask(), undefined, { 'x-request-id': 'left-alone' })
  expect([answer.headers.get('x-llmroute-model'), answer.headers.get('x-llmroute-attempts')]).toEqual(['big', '2'])
  await one.until(() => one.log().some(({ request }) => request === 'left-alone'))
  expect(one.log().find(({ request }) => request === 'left-alone')).toMatchObject({
    failed: ['small: status 500', 'third: not called, since its breaker is open (status 500)'],
  })
  expect(await (await fetch(`${one.url}/metrics`)).text()).toContain(
    'llmroute_attempts_total{model="third",outcome="failed"} 1\n',
  )
})

test('a model outside the pair keeps nothing from being asked while the pair’s breakers are open', async () => {
  const one = await start('breaker: { failures: 1 }\nfallback: [small, big, third]\n')
  models.instead = ({ body }, response) => body.model !== 'third' && json(response, 500, {})
  for (let i = 0; i < 2; i++) expect((await post(one, ask())).headers.get('x-llmroute-model')).toBe('third')
})

test('errors at /v1/messages have Anthropic’s form', async () => {
  const one = await start('', models.url, `  claude: { base_url: ${models.url}, api: anthropic }`)
  const said = async (model: string) => {
    const answer = await post(one, { ...ask(model), max_tokens: 9 }, '/v1/messages')
    return [answer.status, await answer.json()]
  }
  expect(await said('nobody')).toEqual([
    404,
    { type: 'error', error: { type: 'not_found_error', message: expect.any(String), code: 'model_not_found' } },
  ])
  models.instead = (_, response) => json(response, 529, { type: 'error', error: { type: 'overloaded_error' } })
  const message = 'claude: expected an answer, got status 529 (overloaded_error).'
  expect(await said('claude')).toEqual([
    502,
    { type: 'error', error: { type: 'api_error', message, code: 'upstream_failed' } },
  ])
})

test('/v1/route decides between the models that a chat would be answered by', async () => {
  const one = await start('policy: round_robin', models.url, `  claude: { base_url: ${models.url}, api: anthropic }`)
  const { decisions } = (await (await post(one, { requests: Array(8).fill('hi') }, '/v1/route')).json()) as {
    decisions: { model: string }[]
  }
  expect(new Set(decisions.map(({ model }) => model))).toEqual(new Set(['big', 'small', 'third']))
})
