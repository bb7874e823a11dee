import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { json, type ModelServer, startModelServer } from '../helpers/model_server.ts'
import { type ServeProcess, startServe } from '../helpers/serve_process.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
let models: ModelServer

beforeAll(async () => {
  models = await startModelServer()
})
beforeEach(() => {
  models.received.length = 0
  models.instead = () => false
})
afterAll(() => models?.close())

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const RATE = 12

const config = () => `
models:
  small: { base_url: ${models.url}, input_price: 1, output_price: 2 }
policy: static
static: { default: small }
serve:
  keys:
    - { name: often, sha256: '${sha256('often')}', rate_limit: ${RATE} }
    - { name: poor, sha256: '${sha256('poor')}', daily_budget: 0.01 }
    - { name: hasty, sha256: '${sha256('hasty')}', daily_budget: 0.01 }
    - { name: free, sha256: '${sha256('free')}' }
`

describe.each([1, 2])('%d processes', workers => {
  let serve: ServeProcess
  beforeAll(async () => {
    serve = await startServe(folder.path, config(), { args: ['--workers', String(workers)] })
  })
  afterAll(async () => {
    expect([await serve?.stop(), serve?.stderr()]).toEqual([0, expect.not.stringContaining('bug')])
  })

  const post = (key: string, rest = {}, signal = new AbortController().signal) =>
    fetch(`${serve.url}/v1/chat/completions`, {
      method: 'POST',
      // Another connection each time, and with it maybe another worker.
      headers: { authorization: `Bearer ${key}`, connection: 'close' },
      body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'hi' }], ...rest }),
      signal,
    })
  const count = (answers: readonly Response[], status: number) =>
    answers.filter(answer => answer.status === status).length

  test('a rate is one for all of them, and others are not held up', async () => {
    const started = performance.now()
    const answers = await Promise.all(Array.from({ length: 4 * RATE }, () => post('often')))
    const refilled = Math.ceil(((performance.now() - started) * RATE) / 60_000)
    const allowed = count(answers, 200)
    expect(allowed).toBeGreaterThanOrEqual(RATE)
    expect(allowed).toBeLessThanOrEqual(RATE + refilled)
    expect(count(answers, 429)).toBe(4 * RATE - allowed)
    const refused = answers.find(({ status }) => status === 429)!
    expect(refused.headers.get('retry-after')).toMatch(/^[1-5]$/)
    expect(await refused.json()).toMatchObject({ error: { code: 'rate_limit_exceeded' } })
    const free = await Promise.all(Array.from({ length: RATE }, () => post('free')))
    expect(count(free, 200)).toBe(RATE)
  })

  test('a budget holds for what is under way: so many at a time as are expected to fit', async () => {
    let release = () => {}
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    models.instead = () => held.then(() => false)
    // 1,500 tokens of $2 a million: $0.003 each, of $0.01.
    const ask = () => post('poor', { max_tokens: 1500 })
    let refused = 0
    const asked = Array.from({ length: 40 }, async () => {
      const answer = await ask()
      if (answer.status === 429) refused++
      return answer
    })
    await serve.until(() => refused === 36)
    expect(models.received).toHaveLength(4)
    const early = await ask()
    expect([early.status, early.headers.get('retry-after')]).toEqual([429, '1'])
    expect(await early.json()).toMatchObject({
      error: { code: 'rate_limit_exceeded', message: expect.stringContaining('requests under way') },
    })
    release()
    expect(count(await Promise.all(asked), 200)).toBe(4)
    // They took 7 tokens each, and so others fit again; of those that fail, nothing stays set aside.
    await serve.until(async () => (await ask()).status === 200)
    models.instead = (_, response) => json(response, 400, { error: { message: 'no' } })
    const failed = []
    for (let i = 0; i < 10; i++) failed.push(await ask())
    expect(count(failed, 400)).toBe(10)
  })

  test('who leaves before an answer pays for what was asked', async () => {
    models.instead = () => true
    const leave = async () => {
      const controller = new AbortController()
      const before = models.received.length
      // 4,000 tokens of $1 a million.
      const messages = [{ role: 'user', content: 'x'.repeat(16_000) }]
      const asked = post('hasty', { messages, max_tokens: 1 }, controller.signal).catch(() => 'gone')
      await serve.until(() => models.received.length > before)
      controller.abort()
      expect(await asked).toBe('gone')
    }
    for (let i = 0; i < 3; i++) await leave()
    await serve.until(async () => (await post('hasty')).status === 429)
    const refused = await post('hasty')
    expect(await refused.json()).toMatchObject({ error: { code: 'insufficient_quota' } })
    const headers = { authorization: 'Bearer free' }
    const metrics = await (await fetch(`${serve.url}/metrics`, { headers })).text()
    expect(metrics).toContain('{model="small",key="hasty",kind="input",estimated="true"} 12000\n')
    expect(metrics).toContain('{model="small",key="hasty"} 0.012\n')
  })
})

test('what is asked in the background is paid as it was set aside, since nobody sees what it comes to', async () => {
  const serve = await startServe(folder.path, config())
  onTestFinished(async () => void (await serve.stop()))
  models.instead = (_, response) => json(response, 200, { id: 'resp_1', status: 'queued', output: [], usage: null })
  const headers = { authorization: 'Bearer poor' }
  const ask = () =>
    fetch(`${serve.url}/v1/responses`, {
      method: 'POST',
      headers,
      // 2,000 tokens of $2 a million: $0.004 each, of $0.01.
      body: JSON.stringify({ model: 'small', input: '', background: true, max_output_tokens: 2000 }),
    })
  for (const status of [200, 200, 200, 429]) expect((await ask()).status).toBe(status)
  const metrics = await (await fetch(`${serve.url}/metrics`, { headers })).text()
  expect(metrics).toContain('{model="small",key="poor",kind="output",estimated="true"} 6000\n')
})

test('a key of idempotency is told from the same of another client; a retry has the same', async () => {
  const serve = await startServe(folder.path, config())
  onTestFinished(async () => void (await serve.stop()))
  for (const [key, once] of [
    ['free', 'a'],
    ['free', 'a'],
    ['free', 'b'],
    ['often', 'a'],
  ]) {
    const headers = { authorization: `Bearer ${key}`, 'idempotency-key': once! }
    const body = JSON.stringify({ model: 'small', messages: [{ role: 'user', content: 'hi' }] })
    expect((await fetch(`${serve.url}/v1/chat/completions`, { method: 'POST', headers, body })).status).toBe(200)
  }
  const [first, again, ...others] = models.received.map(({ headers }) => headers['idempotency-key'])
  expect(first).toMatch(/^[0-9a-f]{64}$/)
  expect(again).toBe(first)
  expect(new Set([first, ...others]).size).toBe(3)
})

test('what a worker that dies had under way is no longer set aside', async () => {
  const serve = await startServe(folder.path, config(), { args: ['--workers', '2'] })
  onTestFinished(async () => void (await serve.stop()))
  models.instead = () => new Promise(() => {})
  const ask = () =>
    fetch(`${serve.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer poor', connection: 'close' },
      // All of the budget.
      body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'hi' }], max_tokens: 5000 }),
    })
  const lost = ask().catch(() => 'lost')
  await serve.until(() => models.received.length === 1)
  expect((await ask()).status).toBe(429)
  const workers = execFileSync('pgrep', ['-P', String(serve.pid)])
    .toString()
    .trim()
    .split('\n')
  for (const pid of workers) process.kill(Number(pid), 'SIGKILL')
  expect(await lost).toBe('lost')
  // A connection that Node hands to a worker before it sees that it is dead is never answered.
  await serve.until(() => serve.log().filter(({ msg }) => msg === 'worker died').length === workers.length)
  models.instead = () => false
  await serve.until(async () => (await ask().catch(() => undefined))?.status === 200)
})

test('models without prices, and a key with a budget: told at the start, and when the file is read again', async () => {
  const own = temporaryFolder()
  const text = (price: string) => config().replace(', output_price: 2', price)
  const serve = await startServe(own.path, text(', output_price: 2'))
  onTestFinished(async () => void (await serve.stop()))
  const told = () => serve.log().filter(({ msg }) => String(msg).includes('count nothing against daily_budget'))
  expect(told()).toEqual([])
  own.write('llmroute.yaml', text(''))
  process.kill(serve.pid, 'SIGHUP')
  await serve.until(() => told().length > 0)
  expect(told()[0]).toMatchObject({ level: 40, msg: expect.stringMatching(/^answers of small count nothing/) })
  const again = await startServe(temporaryFolder().path, text(''))
  onTestFinished(async () => void (await again.stop()))
  await again.until(() => again.log().some(({ msg }) => String(msg).startsWith('answers of small count nothing')))
})
