import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { chunk, json, type ModelServer, startModelServer } from '../helpers/model_server.ts'
import { runCli } from '../helpers/run_cli.ts'
import { type ServeProcess, startServe } from '../helpers/serve_process.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const file = join(folder.path, 'llmroute.yaml')
let models: ModelServer
let serve: ServeProcess | undefined

const config = (rest = '') => `
models:
  big: { base_url: ${models.url}, input_price: 10, output_price: 30 }
  small: { base_url: ${models.url}, input_price: 1, output_price: 2 }
pair: { strong: big, weak: small }
strategy: length
threshold: 0.5
retry: { attempts: 1 }
${rest}
`
/** Starts one that is stopped at the latest by the next. */
async function start(rest = '', options: Parameters<typeof startServe>[2] = {}): Promise<ServeProcess> {
  await serve?.stop()
  serve = await startServe(folder.path, config(rest), options)
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

const ask = (content: string, rest = {}) =>
  JSON.stringify({ model: 'auto', messages: [{ role: 'user', content }], ...rest })
const post = ({ url }: ServeProcess, body = ask('hi'), headers: Record<string, string> = {}) =>
  fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body })

/** Holds answers back until it is called. */
function holdAnswers(): () => void {
  let release = () => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  models.instead = () => held.then(() => false)
  return release
}

test('keys: made by llmroute keys add, taken up by a running server, with rate and budget', async () => {
  const one = await start()
  expect((await post(one)).status).toBe(200)
  const add = (name: string, ...limits: string[]) => runCli(['keys', 'add', name, '--config', file, ...limits])
  const alice = await add('alice', '--rate-limit', '2')
  expect(alice.code).toBe(0)
  expect(alice.stdout).toMatch(/^llmr-[\w-]{43}\n$/)
  const key = alice.stdout.trim()
  expect(readFileSync(file, 'utf8')).not.toContain(key)
  const poor = (await add('poor', '--daily-budget', '0.00001')).stdout.trim()
  expect(await add('alice')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('keys add: expected a new name, got alice, which has a key in '),
  })
  await one.until(async () => (await post(one)).status === 401)
  await one.until(async () => (await post(one, ask('hi'), { 'x-api-key': poor })).status !== 401)
  const bearer = { authorization: `Bearer ${key}` }
  expect((await post(one, ask('hi'), bearer)).status).toBe(200)
  expect((await post(one, ask('hi'), bearer)).status).toBe(200)
  const limited = await post(one, ask('hi'), bearer)
  expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '30'])
  const broke = await post(one, ask('hi'), { 'x-api-key': poor })
  expect(await broke.json()).toMatchObject({ error: { code: 'insufficient_quota' } })
  const metrics = await (await fetch(`${one.url}/metrics`, { headers: { 'x-api-key': poor } })).text()
  expect(metrics).toContain('invalid_api_key')
  expect((await runCli(['keys', 'remove', 'alice', '--config', file])).code).toBe(0)
  await one.until(async () => (await post(one, ask('hi'), bearer)).status === 401)
  expect((await post(one, ask('hi'), { 'x-api-key': poor })).status).toBe(429)
  expect(one.stderr()).not.toContain(key)
  expect(one.log().some(({ client }) => client === 'alice')).toBe(true)
})

test('others than this machine need keys, unless somebody insists', async () => {
  const refused = await runCli([
    'serve',
    '--host',
    '0.0.0.0',
    '--port',
    '0',
    '--config',
    folder.write('a.yaml', config()),
  ])
  expect(refused).toMatchObject({
    code: 2,
    stderr:
      '--host 0.0.0.0: expected keys for clients, since others than this machine could ask, got none. Make one with llmroute keys add NAME, or say --insecure.\n',
  })
  const one = await start('', { args: ['--host', '0.0.0.0', '--insecure'] })
  expect((await fetch(`${one.url}/health`)).status).toBe(200)
})

describe('at a time', () => {
  test('one is under way, one waits, more are told to come again; who goes away leaves the line', async () => {
    const one = await start('serve: { max_concurrency: 1, max_queue: 1, max_body: 1000 }')
    const release = holdAnswers()
    const running = post(one)
    await one.until(() => models.received.length === 1)
    const stop = new AbortController()
    const gone = fetch(`${one.url}/v1/chat/completions`, {
      method: 'POST',
      body: ask('hi'),
      signal: stop.signal,
    }).catch(() => 'gone')
    const refused = async () => {
      const answer = await post(one)
      return answer.status === 503 && answer.headers.get('retry-after') === '1'
    }
    await one.until(refused)
    stop.abort()
    expect(await gone).toBe('gone')
    // The next one takes the place in line that was left.
    let waiting: Promise<Response> | undefined
    await one.until(async () => {
      const tried = post(one)
      const quick = await Promise.race([tried, new Promise<'waits'>(resolve => setTimeout(resolve, 200, 'waits'))])
      if (quick === 'waits') waiting = tried
      return quick === 'waits'
    })
    expect((await fetch(`${one.url}/health`)).status).toBe(200)
    release()
    expect((await running).status).toBe(200)
    expect((await waiting!).status).toBe(200)
    expect(models.received).toHaveLength(2)
    const large = await post(one, ask('x'.repeat(2000)))
    expect(large.status).toBe(413)
    expect(await large.json()).toEqual({
      error: {
        message: 'The body of your request is larger than 1000 bytes.',
        type: 'invalid_request_error',
        param: null,
        code: 'request_too_large',
      },
    })
  })
})

describe('a configuration read again', () => {
  test('a change of the file is taken up whole; a bad one changes nothing and is told', async () => {
    const one = await start()
    expect((await post(one)).headers.get('x-llmroute-model')).toBe('small')
    writeFileSync(file, config().replace('threshold: 0.5', 'threshold: 0'))
    await one.until(async () => (await post(one)).headers.get('x-llmroute-model') === 'big')
    writeFileSync(file, config().replace('threshold: 0.5', 'threshold: 0.9\nstrategi: mf'))
    await one.until(() => one.log().some(({ msg }) => String(msg).startsWith('configuration kept')))
    expect(one.log().find(({ msg }) => String(msg).startsWith('configuration kept'))).toMatchObject({
      level: 40,
      error: expect.stringMatching(/llmroute\.yaml:\d+:\d+: .*strategi/),
    })
    expect((await post(one)).headers.get('x-llmroute-model')).toBe('big')
    writeFileSync(file, config())
    await one.until(async () => (await post(one)).headers.get('x-llmroute-model') === 'small')
  })

  test('SIGHUP reads it at once; what is under way ends with what it began with', async () => {
    const one = await start()
    const release = holdAnswers()
    const early = post(one)
    await one.until(() => models.received.length === 1)
    writeFileSync(file, config().replaceAll('small', 'tiny'))
    process.kill(one.pid, 'SIGHUP')
    await one.until(() => one.log().some(({ msg }) => msg === 'configuration read again'))
    release()
    expect((await early).headers.get('x-llmroute-model')).toBe('small')
    expect((await post(one)).headers.get('x-llmroute-model')).toBe('tiny')
  })
})

/** A stream of which the first piece has come. */
async function beginStream(one: ServeProcess): Promise<{ readonly answer: Response; finish(): void }> {
  let finish = () => {}
  models.instead = (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(chunk('m', { content: 'first' }))
    finish = () => response.end(`${chunk('m', { content: 'last' }, 'stop')}data: [DONE]\n\n`)
    return true
  }
  const answer = await post(one, ask('hi', { stream: true }))
  return { answer, finish: () => finish() }
}

describe('SIGTERM', () => {
  test('streams end whole, nobody new is let in, and it ends with 0', async () => {
    const one = await start()
    const { answer, finish } = await beginStream(one)
    const stopped = one.stop()
    await one.until(() =>
      fetch(`${one.url}/health`).then(
        () => false,
        () => true,
      ),
    )
    finish()
    expect(await answer.text()).toMatch(/first.*last.*\[DONE\]\n\n$/s)
    expect(await stopped).toBe(0)
  })

  test('told again, or to read its configuration, it goes on draining', async () => {
    const one = await start()
    const { answer, finish } = await beginStream(one)
    const stopped = one.stop()
    await one.until(() => one.log().some(({ msg }) => msg === 'draining'))
    for (const signal of ['SIGTERM', 'SIGHUP', 'SIGTERM', 'SIGINT', 'SIGINT'] as const) process.kill(one.pid, signal)
    await new Promise(resolve => setTimeout(resolve, 100))
    finish()
    expect(await answer.text()).toMatch(/first.*last.*\[DONE\]\n\n$/s)
    expect(await stopped).toBe(0)
  })

  test('whoever interrupts it twice does not want to wait', async () => {
    const one = await start()
    const { answer } = await beginStream(one)
    const stopped = one.stop('SIGINT')
    await one.until(() => one.log().some(({ msg }) => msg === 'draining'))
    await new Promise(resolve => setTimeout(resolve, 600))
    process.kill(one.pid, 'SIGINT')
    expect(await stopped).toBe(130)
    expect(await answer.text().catch(() => 'broken off')).not.toContain('[DONE]')
  })

  test('what is left after the deadline is ended, without a clean end', async () => {
    const one = await start('serve: { drain: 1 }')
    models.instead = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(chunk('m', { content: 'first' }))
      return true
    }
    const answer = await post(one, ask('hi', { stream: true }))
    const stopped = one.stop()
    const text = await answer.text().catch(() => 'broken off')
    expect(text).not.toContain('[DONE]')
    expect(await stopped).toBe(0)
  })

  test('after the deadline who still waits for a place is told so, and no model is asked for them', async () => {
    const one = await start('serve: { drain: 1, max_concurrency: 1 }')
    models.instead = () => new Promise(() => {})
    const asked = Array.from({ length: 3 }, () => post(one).then(async answer => [answer.status, await answer.json()]))
    await one.until(async () =>
      (await (await fetch(`${one.url}/metrics`)).text()).includes('llmroute_waiting_requests 2\n'),
    )
    const stopped = one.stop()
    const stopping = { error: { code: 'server_stopping', type: 'server_error' } }
    expect(await Promise.all(asked)).toMatchObject(Array(3).fill([503, stopping]))
    expect(await stopped).toBe(0)
    expect(models.received).toHaveLength(1)
    expect(one.log().find(({ unfinished }) => unfinished)).toMatchObject({ unfinished: 3, seconds: 1 })
    expect(one.log().filter(({ code, status }) => code === 'server_stopping' && status === 503)).toHaveLength(2)
  })

  test('who keeps a connection and asks again does not hold it', async () => {
    const one = await start()
    const release = holdAnswers()
    const closes = new Promise<string | undefined>(resolve => {
      const sent = request(`${one.url}/v1/chat/completions`, { method: 'POST', headers: { connection: 'keep-alive' } })
      sent.on('response', response => response.resume().on('end', () => resolve(response.headers.connection)))
      sent.end(ask('hi'))
    })
    await one.until(() => models.received.length === 1)
    const stopped = one.stop()
    await one.until(() => one.log().some(({ msg }) => msg === 'draining'))
    release()
    expect(await closes).toBe('close')
    expect(await stopped).toBe(0)
  })
})

test('routers are on offer where the pair that they pick from can be called', async () => {
  const both = (a: string, b: string) =>
    `models:\n  ${a}: { base_url: ${models.url} }\n  ${b}: { base_url: ${models.url} }\n`
  await serve?.stop()
  const one = await startServe(folder.path, `${both('a', 'b')}policy: round_robin\n`)
  serve = one
  const names = async () => {
    const { data } = (await (await fetch(`${one.url}/v1/models`)).json()) as { data: { id: string }[] }
    return data.map(({ id }) => id)
  }
  expect(await names()).toEqual(['auto', 'a', 'b'])
  const refused = await post(one, ask('hi', { model: 'router-bert-0.5' }))
  expect([refused.status, await refused.json()]).toEqual([
    404,
    {
      error: {
        message:
          'model: expected a pair of configured models for router-bert to pick from, got none. Name two of a, b in llmroute.yaml (pair: { strong, weak }), or ask for auto or a model.',
        type: 'invalid_request_error',
        param: 'model',
        code: 'model_not_found',
      },
    },
  ])
  // Weights know the pair that they were trained on; what has none knows no pair.
  writeFileSync(file, `${both('gpt-4-1106-preview', 'mixtral-8x7b-instruct')}policy: round_robin\n`)
  await one.until(async () => (await names()).includes('router-mf-0.5'))
  expect(await names()).not.toContain('router-length-0.5')
  writeFileSync(file, `${both('a', 'b')}policy: round_robin\npair: { strong: a, weak: b }\n`)
  await one.until(async () => (await names()).includes('router-length-0.5'))
  expect((await post(one, ask('hi', { model: 'router-length-0.5' }))).headers.get('x-llmroute-model')).toBe('b')
})

test('not ready while no model can be called; ready again when one is', async () => {
  const one = await start('breaker: { failures: 1, cool_down: 3s }')
  models.instead = (_, response) => json(response, 500, {})
  expect((await post(one)).status).toBe(502)
  const unready = await fetch(`${one.url}/ready`)
  expect([unready.status, await unready.text()]).toEqual([
    503,
    '{"status":"no model can be called","reason":"every model failed lately and is left alone"}',
  ])
  const metrics = await (await fetch(`${one.url}/metrics`)).text()
  expect(metrics).toContain('llmroute_breaker_open{model="small"} 1')
  expect(metrics).toContain('llmroute_errors_total{code="upstream_failed"} 1')
  expect(await (await fetch(one.url)).text()).toContain('breaker open')
  models.instead = () => false
  await one.until(async () => (await post(one)).status === 200)
  expect((await fetch(`${one.url}/ready`)).status).toBe(200)
})
