import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { oneAtATime } from '../../src/cli/serve_reload.ts'
import { runCli } from '../helpers/run_cli.ts'
import { type ServeProcess, startServe } from '../helpers/serve_process.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const file = join(folder.path, 'llmroute.yaml')
const shipped = readFileSync('checkpoints/mf.safetensors')

/** Connections of a model that keeps them for a minute; each answer waits for `release`. */
const sockets = new Set<Socket>()
let waiting: ServerResponse[] = []
let isHeld = false
const model = createServer((request, response) => {
  request.resume().on('end', () => (isHeld ? waiting.push(response) : answer(response)))
})
model.keepAliveTimeout = 60_000
model.on('connection', socket => {
  sockets.add(socket)
  socket.once('close', () => sockets.delete(socket))
})
const answer = (response: ServerResponse) =>
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end('{"choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}]}')
const release = () => {
  isHeld = false
  for (const response of waiting.splice(0)) answer(response)
}

const baseUrl = () => `http://127.0.0.1:${(model.address() as AddressInfo).port}/v1`
const config = (rest = 'strategy: length\nthreshold: 0.5', names = ['big', 'small']) => `
models:
  ${names[0]}: { base_url: '${baseUrl()}' }
  ${names[1]}: { base_url: '${baseUrl()}' }
pair: { strong: ${names[0]}, weak: ${names[1]} }
${rest}
`
let serve: ServeProcess
const post = (body: object = {}) =>
  fetch(`${serve.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'hi' }], ...body }),
  })
const said = (text: string) => serve.log().filter(({ msg }) => String(msg).startsWith(text)).length
const answeredBy = async () => (await post()).headers.get('x-llmroute-model')
const page = async (path: string) => (await fetch(serve.url + path)).text()
/** Gives it another configuration, and waits until it goes by it. */
async function readAgain(text: string): Promise<void> {
  const before = said('configuration read again')
  writeFileSync(file, text)
  process.kill(serve.pid, 'SIGHUP')
  await serve.until(() => said('configuration read again') > before)
}

beforeAll(async () => {
  await new Promise<void>(resolve => model.listen(0, '127.0.0.1', resolve))
  serve = await startServe(folder.path, config())
})
beforeEach(() => {
  waiting = []
  isHeld = false
})
afterAll(async () => {
  expect(await serve?.stop()).toBe(0)
  model.closeAllConnections()
  await new Promise(resolve => model.close(resolve))
})

test('what is asked for while it runs is done once more afterwards, never at the same time', async () => {
  const begun: string[] = []
  let state = 'first'
  let isRunning = false
  let finish = () => {}
  const ask = oneAtATime(async () => {
    expect(isRunning).toBe(false)
    isRunning = true
    begun.push(state)
    await new Promise<void>(resolve => {
      finish = resolve
    })
    isRunning = false
  })
  const turn = () => new Promise(resolve => setImmediate(resolve))
  ask()
  state = 'second'
  ask()
  state = 'last'
  ask()
  expect(begun).toEqual(['first'])
  finish()
  await turn()
  expect(begun).toEqual(['first', 'last'])
  finish()
  await turn()
  ask()
  expect(begun).toEqual(['first', 'last', 'last'])
})

test('SIGHUP again and again: what the file says last holds', async () => {
  const before = said('configuration read again')
  for (let i = 0; i < 5; i++) {
    writeFileSync(`${file}.new`, config(undefined, [`big${i}`, `small${i}`]))
    renameSync(`${file}.new`, file)
    process.kill(serve.pid, 'SIGHUP')
    await new Promise(resolve => setImmediate(resolve))
  }
  await serve.until(async () => (await answeredBy()) === 'small4')
  // A change of the file is seen within a second or two; it says the same.
  const end = Date.now() + 2500
  while (Date.now() < end) {
    expect(await answeredBy()).toBe('small4')
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  expect(said('configuration read again') - before).toBeGreaterThanOrEqual(1)
  writeFileSync(file, config())
  await serve.until(async () => (await answeredBy()) === 'small')
})

test('connections of the earlier configuration are closed once its requests are over', async () => {
  isHeld = true
  const early = post()
  await serve.until(() => waiting.length === 1)
  const old = [...sockets]
  await readAgain(config('strategy: length\nthreshold: 0.5\nretry: { attempts: 2 }'))
  const late = post()
  await serve.until(() => waiting.length === 2)
  expect(old.every(socket => sockets.has(socket))).toBe(true)
  answer(waiting.shift()!)
  expect((await early).status).toBe(200)
  // By themselves they would stay for some seconds more.
  const overAt = Date.now()
  await serve.until(() => !old.some(socket => sockets.has(socket)))
  expect(Date.now() - overAt).toBeLessThan(3000)
  release()
  expect((await late).status).toBe(200)
  expect(sockets.size).toBe(1)
})

test('more places go to those who wait, at once', async () => {
  const places = (n: number) => config(`strategy: length\nthreshold: 0.5\nserve: { max_concurrency: ${n} }`)
  await readAgain(places(1))
  isHeld = true
  const answers = [post(), post(), post()]
  await serve.until(async () => (await page('/metrics')).includes('\nllmroute_waiting_requests 2\n'))
  await readAgain(places(2))
  await serve.until(() => waiting.length === 2)
  release()
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200])
})

test('a breaker does not outlive the configuration that mends its model, and that of another model stays', async () => {
  const nobody = 'http://127.0.0.1:1/v1'
  const named = (name: string) => post({ model: name }).then(({ status }) => status)
  const broken = `${config()}retry: { attempts: 1 }\nbreaker: { failures: 1, cool_down: 10m }\n`.replaceAll(
    baseUrl(),
    nobody,
  )
  await readAgain(broken)
  expect([await named('big'), await named('small')]).toEqual([502, 502])
  await serve.until(async () => (await fetch(`${serve.url}/ready`)).status === 503)
  const small = broken.indexOf('small:')
  await readAgain(broken.slice(0, small) + broken.slice(small).replace(nobody, baseUrl()))
  expect(await named('small')).toBe(200)
  expect((await (await post({ model: 'big' })).json()) as object).toMatchObject({
    error: { message: expect.stringContaining('not called, since its breaker is open') },
  })
})

test('another way of calling models forgets no breaker and gives no more places than there are', async () => {
  const nobody = 'http://127.0.0.1:1/v1'
  const text = (attempts: number) =>
    `${config()}max_concurrency: 1\nretry: { attempts: ${attempts} }\nbreaker: { failures: 1, cool_down: 10m }\n`.replace(
      baseUrl(),
      nobody,
    )
  await readAgain(text(1))
  expect((await post({ model: 'big' })).status).toBe(502)
  isHeld = true
  const first = post()
  await serve.until(() => waiting.length === 1)
  await readAgain(text(2))
  expect(await page('/metrics')).toContain('llmroute_breaker_open{model="big"} 1')
  const second = post()
  await serve.until(async () => (await page('/metrics')).includes('\nllmroute_running_requests 2\n'))
  await new Promise(resolve => setTimeout(resolve, 100))
  expect(waiting).toHaveLength(1)
  answer(waiting.shift()!)
  await serve.until(() => waiting.length === 1)
  release()
  expect((await Promise.all([first, second])).map(({ status }) => status)).toEqual([200, 200])
  expect(await (await post({ model: 'big' })).text()).toContain('not called, since its breaker is open')
})

test('reading it again is no traffic: threshold: auto stays where it was', async () => {
  const threshold = async () => Number((await post()).headers.get('x-llmroute-threshold'))
  const text = (n: number) => config(`strategy: length\nthreshold: auto\nstrong_pct: 0.1\nretry: { attempts: ${n} }`)
  await readAgain(text(1))
  for (let i = 0; i < 4; i++) await threshold()
  const before = await threshold()
  expect(before).toBeLessThan(0.01)
  for (let i = 2; i < 12; i++) await readAgain(text(i))
  expect(await threshold()).toBeCloseTo(before, 10)
})

test('the last key is taken away: who others reach refuses everyone until there is another, whatever address the file names by now', async () => {
  const own = temporaryFolder()
  const key = `{ name: bob, sha256: '${createHash('sha256').update('k').digest('hex')}' }`
  const text = (host: string, keys: string) => `${config()}serve: { host: '${host}', keys: [${keys}] }\n`
  const wide = await startServe(own.path, text('0.0.0.0', key))
  onTestFinished(async () => void (await wide.stop()))
  const status = async (path: string, headers = {}) => (await fetch(wide.url + path, { headers })).status
  const afterReading = async (keys: string) => {
    const before = wide.log().length
    own.write('llmroute.yaml', text('127.0.0.1', keys))
    process.kill(wide.pid, 'SIGHUP')
    await wide.until(() => wide.log().some(({ msg }, i) => i >= before && msg === 'configuration read again'))
    return [await status('/v1/models', { 'x-api-key': 'k' }), await status('/v1/models'), await status('/health')]
  }
  const told = { level: 40, msg: 'no keys are left: everyone is refused until there is one' }
  expect(await afterReading(key)).toEqual([200, 401, 200])
  expect(wide.log()).not.toContainEqual(expect.objectContaining(told))
  expect(await afterReading('')).toEqual([401, 401, 200])
  expect(wide.log()).toContainEqual(expect.objectContaining(told))
  expect(await afterReading(key)).toEqual([200, 401, 200])
})

test.each([1, 2])(
  '%d processes: a decision log that is moved away goes on under its name after SIGHUP',
  async workers => {
    const own = temporaryFolder()
    const log = join(own.path, 'decisions.jsonl')
    const text = `${config()}log: { file: '${log}' }\nserve: { workers: ${workers} }\n`
    const server = await startServe(own.path, text)
    onTestFinished(async () => void (await server.stop()))
    const count = (msg: string) => server.stderr().split(msg).length - 1
    await server.until(() => count('listening at') === workers)
    const ask = (id: string) =>
      fetch(`${server.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'x-request-id': id, connection: 'close' },
        body: '{"model":"auto","messages":[{"role":"user","content":"hi"}]}',
      })
    const ids = (file: string) =>
      existsSync(file) ? [...readFileSync(file, 'utf8').matchAll(/"id":"(\w+)"/g)].map(([, id]) => id!).sort() : []
    const round = async (names: readonly string[]) => {
      await Promise.all(names.map(ask))
      await server.until(() => ids(log).length === names.length)
      expect(ids(log)).toEqual(names)
    }
    await round(['a1', 'a2', 'a3', 'a4'])
    renameSync(log, `${log}.1`)
    process.kill(server.pid, 'SIGHUP')
    await server.until(() => count('configuration read again') === workers)
    await round(['b1', 'b2', 'b3', 'b4'])
    expect(ids(`${log}.1`)).toEqual(['a1', 'a2', 'a3', 'a4'])
  },
)

test('what needs a new start is named, until the file says again what it said', async () => {
  const told = () => serve.log().filter(({ msg }) => msg === 'a new start is needed for other settings')
  await readAgain(config())
  const before = told().length
  await readAgain(
    `${config()}serve: { workers: 2, port: 1, max_queue: 7, log_prompts: true }\nlog: { file: x.jsonl }\n`,
  )
  await serve.until(() => told().length > before)
  // The port was given on the command line, which goes before the file.
  expect(told().at(-1)).toMatchObject({ level: 40, settings: ['workers', 'log_prompts', 'log'] })
  const then = told().length
  await readAgain(config())
  expect((await fetch(`${serve.url}/health`)).status).toBe(200)
  expect(told()).toHaveLength(then)
})

describe('weights that cannot be read', () => {
  const strategy = (checkpoint: string) => `strategy: mf\ncheckpoint: ${checkpoint}\nthreshold: 0.5`
  const cut = () => {
    writeFileSync(join(folder.path, 'cut.safetensors'), shipped.subarray(0, shipped.length / 2))
    return strategy('cut.safetensors')
  }

  test.each([
    ['none', () => strategy('gone.safetensors'), /gone\.safetensors: expected a checkpoint file, got no such file/],
    ['cut', cut, /cut\.safetensors: expected a safetensors file with at least \d+ bytes, got \d+/],
    [
      'none, of a policy that seldom asks them',
      () =>
        `${strategy('gone.safetensors')}\npolicy: chain\nchain: { order: [rules, threshold] }\nrules: [{ model: big }]`,
      /gone\.safetensors: expected a checkpoint file, got no such file/,
    ],
  ])('%s: it does not start, and so is never ready', async (_, rest, message) => {
    const args = ['serve', '--port', '0', '--config', folder.write('weights.yaml', config(rest()))]
    const { code, stderr } = await runCli(args)
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)])
    expect(stderr).not.toContain('listening')
  })

  test('while it runs: it stays with what it has, and ready', async () => {
    const before = said('configuration kept')
    writeFileSync(file, config(cut()))
    process.kill(serve.pid, 'SIGHUP')
    await serve.until(() => said('configuration kept') > before)
    expect(serve.log().findLast(({ msg }) => String(msg).startsWith('configuration kept'))!.error).toContain(
      'cut.safetensors: expected a safetensors file',
    )
    expect((await fetch(`${serve.url}/ready`)).status).toBe(200)
    expect(await answeredBy()).toBe('small')
    const whole = join(folder.path, 'cut.safetensors')
    writeFileSync(whole, shipped)
    process.kill(serve.pid, 'SIGHUP')
    await serve.until(async () => (await post()).headers.get('x-llmroute-strategy') === 'mf')
  })
})
