import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { chunk, type ModelServer, startModelServer } from '../helpers/model_server.ts'
import { binary, runCli } from '../helpers/run_cli.ts'
import { type ServeProcess, startServe } from '../helpers/serve_process.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const KEY = 'llmr-a-key'
let models: ModelServer
let serve: ServeProcess

beforeAll(async () => {
  models = await startModelServer()
  const sha256 = createHash('sha256').update(KEY).digest('hex')
  serve = await startServe(
    folder.path,
    `
models:
  big: { base_url: ${models.url}, input_price: 10, output_price: 30 }
  small: { base_url: ${models.url}, input_price: 1, output_price: 2 }
pair: { strong: big, weak: small }
strategy: length
threshold: 0.5
serve: { keys: [{ name: alice, sha256: '${sha256}', daily_budget: 0.01 }, { name: bob, sha256: '${'0'.repeat(64)}' }] }
`,
    { args: ['--workers', '2'] },
  )
})
afterAll(async () => {
  expect([await serve?.stop(), serve?.stderr()]).toEqual([0, expect.not.stringContaining('bug')])
  await models?.close()
})

const headers = { authorization: `Bearer ${KEY}` }
const post = (messages: unknown) =>
  fetch(`${serve.url}/v1/chat/completions`, {
    method: 'POST',
    // Another connection each time, and with it maybe another worker.
    headers: { ...headers, connection: 'close' },
    body: JSON.stringify({ model: 'auto', messages, max_tokens: 10 }),
  })
const LONG = 'Explain at length and with every detail how this works. '.repeat(20)
const hi = [{ role: 'user', content: 'hi' }]
const metric = async (name: string) => {
  const text = await (await fetch(`${serve.url}/metrics`, { headers })).text()
  const values = text.split('\n').filter(line => line.startsWith(name) && !line.startsWith('#'))
  return values.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}
const workers = ({ pid } = serve) =>
  execFileSync('pgrep', ['-P', String(pid)])
    .toString()
    .trim()
    .split('\n')
    .map(Number)

test('all workers answer, and what they did is counted once, in one place', async () => {
  expect(workers()).toHaveLength(2)
  const answers = await Promise.all(Array.from({ length: 10 }, () => post(hi)))
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200))
  await serve.until(async () => (await metric('llmroute_requests_total')) === 10)
  const page = await (await fetch(serve.url, { headers })).text()
  expect(page).toContain('<b>10</b>')
  expect(await metric('llmroute_breaker_open')).toBe(0)
})

test('a conversation keeps its model, whichever worker is asked', async () => {
  const first = { role: 'user', content: LONG }
  expect((await post([first])).headers.get('x-llmroute-model')).toBe('big')
  // What one worker keeps reaches the others within a moment; people take longer to read an answer.
  await new Promise(resolve => setTimeout(resolve, 300))
  const next = () => post([first, { role: 'assistant', content: 'Fine.' }, ...hi])
  await serve.until(async () => (await next()).headers.get('x-llmroute-policy') === 'sticky')
  for (let i = 0; i < 6; i++) expect((await next()).headers.get('x-llmroute-model')).toBe('big')
})

test('processor time, memory and event-loop delay of every process', async () => {
  const metrics = async () => (await fetch(`${serve.url}/metrics`, { headers })).text()
  const text = await metrics()
  const names = ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_eventloop_lag_p99_seconds']
  for (const name of names) {
    const series = text.split('\n').filter(line => line.startsWith(`llmroute_${name}{`))
    const found = series.map(line => /^\w+\{worker="(\w+)"\} (\S+)$/.exec(line)!.slice(1))
    expect(found.map(([worker]) => worker).sort()).toEqual(['1', '2', 'primary'])
    for (const [, value] of found) expect(Number(value)).toBeGreaterThan(0)
    expect(text.split(`# TYPE llmroute_${name} `)).toHaveLength(2)
  }
  // A worker that has done little has collected no garbage yet.
  const collected = /llmroute_nodejs_gc_duration_seconds_bucket\{le="\+Inf",kind="\w+",worker="2"\} \d+/
  await serve.until(async () => collected.test(await metrics()))
})

test('a worker that dies is replaced, and nobody is turned away meanwhile', async () => {
  const before = workers()
  process.kill(before[0]!, 'SIGKILL')
  await serve.until(() => serve.log().some(({ msg }) => msg === 'worker died'))
  for (let i = 0; i < 5; i++) expect([200, 429]).toContain((await post(hi)).status)
  await serve.until(() => {
    const now = workers()
    return now.length === 2 && !now.includes(before[0]!)
  })
  await serve.until(async () => (await metric('llmroute_process_cpu_seconds_total{worker="')) > 0)
  const text = await (await fetch(`${serve.url}/metrics`, { headers })).text()
  expect(text).not.toContain('worker="3"')
})

test('a configuration that cannot be used ends it, however many workers', async () => {
  const bad = folder.write('bad.yaml', 'models: 1')
  const { code, stderr } = await runCli(['serve', '--workers', '2', '--config', bad])
  expect(code).toBe(2)
  expect(stderr).toContain('bad.yaml:1:9: models')
})

test('a budget is one for all workers', async () => {
  const long = () => post([{ role: 'user', content: LONG }])
  await serve.until(async () => (await long()).status === 429)
  await serve.until(async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(hi)))
    return answers.every(({ status }) => status === 429)
  })
  expect(await metric('llmroute_dollars_total')).toBeLessThan(0.02)
  await serve.until(async () => (await metric('llmroute_errors_total{code="insufficient_quota"}')) > 8)
})

test('all workers dead at once are replaced too', async () => {
  const before = workers()
  const listening = () => serve.stderr().split('listening at').length
  const were = listening()
  for (const pid of before) process.kill(pid, 'SIGKILL')
  await serve.until(() => listening() === were + 2)
  expect(workers()).toHaveLength(2)
  for (const pid of workers()) expect(before).not.toContain(pid)
  expect((await fetch(`${serve.url}/health`)).status).toBe(200)
})

describe('the primary', () => {
  const config = `models:\n  a: { base_url: http://127.0.0.1:1/v1 }\npolicy: static\nstatic: { default: a }\n`

  test('--json prints one document, and its process is the one to stop', async () => {
    const file = folder.write('json.yaml', config)
    const child = spawn(process.execPath, [
      ...[binary, 'serve', '--port', '0', '--config', file],
      ...['--workers', '2', '--json', '--log-level', 'silent'],
    ])
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', text => {
      stdout += text
    })
    child.stderr.on('data', text => {
      stderr += text
    })
    const ended = new Promise(resolve => child.once('exit', resolve))
    while (stderr.split('listening at').length < 3 || stdout === '')
      await new Promise(resolve => setTimeout(resolve, 10))
    const url = /listening at (\S+)/.exec(stderr)![1]
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
    expect(JSON.parse(stdout)).toEqual({ version: 1, url, pid: child.pid })
    process.kill(JSON.parse(stdout).pid, 'SIGTERM')
    expect(await ended).toBe(0)
    // Nor does anything but the address go to standard error where the log is silent.
    expect(stderr).toBe(`llmroute: listening at ${url}\n`.repeat(2))
  })

  test.each([
    ['info', { level: 40, msg: 'worker died', time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) }],
    ['silent', undefined],
  ])('its lines are those of a log: %s', async (level, line) => {
    const two = await startServe(temporaryFolder().path, config, { args: ['--workers', '2', '--log-level', level] })
    onTestFinished(async () => void (await two.stop()))
    const listening = () => two.stderr().split('listening at').length - 1
    await two.until(() => listening() === 2)
    process.kill(workers(two)[0]!, 'SIGKILL')
    await two.until(() => listening() === 3)
    if (line) expect(two.log()).toContainEqual(expect.objectContaining(line))
    else expect(two.log()).toEqual([])
  })
})

test('a worker that is killed under load leaves no connection open on which nobody answers', async () => {
  const config = `models:\n  a: { base_url: ${models.url} }\npolicy: static\nstatic: { default: a }\n`
  const two = await startServe(temporaryFolder().path, config, { args: ['--workers', '2', '--log-level', 'warn'] })
  onTestFinished(async () => void (await two.stop()))
  await two.until(() => two.stderr().split('listening at').length === 3)
  let isOver = false
  const endings: string[] = []
  const body = JSON.stringify({ model: 'a', messages: [] })
  const asking = Array.from({ length: 30 }, async () => {
    while (!isOver) {
      const asked = { method: 'POST', headers: { connection: 'close' }, body, signal: AbortSignal.timeout(10_000) }
      const answer = fetch(`${two.url}/v1/chat/completions`, asked).then(given => given.text())
      endings.push(
        await answer.then(
          () => 'answered',
          ({ name }: Error) => name,
        ),
      )
    }
  })
  await two.until(() => endings.length > 100)
  process.kill(workers(two)[0]!, 'SIGKILL')
  await two.until(() => two.log().some(({ msg }) => msg === 'worker died'))
  isOver = true
  await Promise.all(asking)
  expect(endings).toContain('answered')
  expect(endings).not.toContain('TimeoutError')
}, 30_000)

test.each(['SIGTERM', 'SIGINT'] as const)('%s to the whole group of processes cuts no stream', async signal => {
  const config = `models:\n  a: { base_url: ${models.url} }\npolicy: static\nstatic: { default: a }\n`
  const two = await startServe(temporaryFolder().path, config, { args: ['--workers', '2'] })
  await two.until(() => two.stderr().split('listening at').length === 3)
  const finish: (() => void)[] = []
  models.instead = (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(chunk('m', { content: 'first' }))
    finish.push(() => response.end(`${chunk('m', { content: 'last' }, 'stop')}data: [DONE]\n\n`))
    return true
  }
  onTestFinished(() => {
    models.instead = () => false
  })
  const body = JSON.stringify({ model: 'a', messages: [], stream: true })
  const answers = await Promise.all(
    Array.from({ length: 4 }, () => fetch(`${two.url}/v1/chat/completions`, { method: 'POST', body })),
  )
  for (const pid of workers(two)) process.kill(pid, signal)
  const stopped = two.stop(signal)
  await two.until(() => two.log().filter(({ msg }) => msg === 'draining').length === 2)
  await new Promise(resolve => setTimeout(resolve, 100))
  for (const end of finish) end()
  for (const answer of answers) expect(await answer.text()).toMatch(/first.*last.*\[DONE\]\n\n$/s)
  expect(await stopped).toBe(0)
})

test('threshold: auto holds one share over all workers, also where each is asked another kind of prompt', async () => {
  const pair = ['big', 'small'].map(id => `  ${id}: { base_url: ${models.url} }`).join('\n')
  const config = `models:\n${pair}\npair: { strong: big, weak: small }\nstrategy: length\nthreshold: auto\nstrong_pct: 0.5\n`
  const two = await startServe(temporaryFolder().path, config, { args: ['--workers', '2'] })
  const answered = { big: 0, small: 0 }
  for (let i = 0; i < 200; i++) {
    const content = `${i} ${i % 2 ? 'hi' : LONG}`
    const answer = await fetch(`${two.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { connection: 'close' },
      body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content }] }),
    })
    if (i >= 40) answered[answer.headers.get('x-llmroute-model') as 'big' | 'small']++
  }
  await two.stop()
  expect(answered.big / 160).toBeGreaterThan(0.4)
  expect(answered.big / 160).toBeLessThan(0.6)
})

describe('signals', () => {
  const config = (more = '') =>
    `models:\n  a: { base_url: ${models.url} }\npolicy: static\nstatic: { default: a }\nserve: { workers: 2${more} }\n`
  const listening = (server: ServeProcess) => server.stderr().split('listening at').length - 1
  const started = async (text: string) => {
    const own = temporaryFolder()
    const server = await startServe(own.path, text)
    await server.until(() => listening(server) === 2)
    return { server, own }
  }

  test('a worker that hangs is killed a little after the deadline, which may be that of a later configuration', async () => {
    const { server, own } = await started(config(', drain: 600'))
    own.write('llmroute.yaml', config(', drain: 1'))
    process.kill(server.pid, 'SIGHUP')
    await server.until(() => server.log().filter(({ msg }) => msg === 'configuration read again').length >= 2)
    const [hung] = workers(server)
    process.kill(hung!, 'SIGSTOP')
    const toldAt = Date.now()
    expect(await server.stop()).toBe(0)
    expect(Date.now() - toldAt).toBeGreaterThan(1000)
    expect(Date.now() - toldAt).toBeLessThan(15_000)
    expect(() => process.kill(hung!, 0)).toThrow('ESRCH')
    expect(server.log()).toContainEqual(
      expect.objectContaining({ level: 40, msg: 'worker killed: it did not end in time', pid: hung }),
    )
  })

  test('SIGHUP while a worker starts ends nothing, and the file that was meant is read', async () => {
    const { server, own } = await started(config())
    onTestFinished(async () => void (await server.stop()))
    const before = workers(server)
    process.kill(before[0]!, 'SIGKILL')
    await server.until(() => workers(server).some(pid => !before.includes(pid)))
    const [born] = workers(server).filter(pid => !before.includes(pid))
    const end = Date.now() + 300
    while (Date.now() < end && listening(server) === 2) {
      process.kill(server.pid, 'SIGHUP')
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    own.write('llmroute.yaml', config().replace('{ default: a }', '{ default: b }').replace(' a:', ' b:'))
    process.kill(server.pid, 'SIGHUP')
    await server.until(() => listening(server) === 3)
    expect(workers(server)).toContain(born)
    const name = async () => {
      const answer = await fetch(`${server.url}/v1/models`, { headers: { connection: 'close' } })
      return ((await answer.json()) as { data: { id: string }[] }).data.some(({ id }) => id === 'b')
    }
    await server.until(async () => (await Promise.all(Array.from({ length: 8 }, name))).every(Boolean))
    expect(server.log().filter(({ msg }) => msg === 'worker died')).toHaveLength(1)
  })
})

describe.each([
  ['in the file', 'serve: { workers: 2 }', []],
  ['by the flag', '', ['--workers', '2']],
])('workers asked for %s die while the configuration cannot be used', (_, block, args) => {
  const own = temporaryFolder()
  const config = `models:\n  a: { base_url: http://127.0.0.1:1/v1 }\npolicy: static\nstatic: { default: a }\n${block}\n`
  const count = (server: ServeProcess, text: string) => server.stderr().split(text).length - 1
  const [REFUSED, LISTENS] = ['"msg":"worker cannot start again', 'listening at']
  const killOne = (server: ServeProcess) => process.kill(workers(server)[0]!, 'SIGKILL')
  const startBroken = async () => {
    const server = await startServe(own.path, config, { args })
    onTestFinished(async () => void (await server.stop()))
    await server.until(() => count(server, LISTENS) === 2)
    own.write('llmroute.yaml', 'models: [')
    return server
  }

  test('the others answer, those that died are tried again, and all come back once it is mended', async () => {
    const server = await startBroken()
    killOne(server)
    await server.until(() => count(server, REFUSED) === 1)
    expect(server.stderr()).toContain('llmroute.yaml:1:10: ')
    expect(server.log().findLast(({ code }) => code === 2)).toMatchObject({ level: 40, seconds: 0.2 })
    expect((await fetch(`${server.url}/health`)).status).toBe(200)
    killOne(server)
    await server.until(() => count(server, REFUSED) >= 3)
    own.write('llmroute.yaml', config)
    await server.until(() => count(server, LISTENS) === 4)
    expect((await fetch(`${server.url}/health`)).status).toBe(200)
    expect(workers(server)).toHaveLength(2)
    expect(await server.stop()).toBe(0)
  })

  test('a server of which none is left ends when it is told to', async () => {
    const server = await startBroken()
    for (const pid of workers(server)) process.kill(pid, 'SIGKILL')
    await server.until(() => count(server, REFUSED) >= 4)
    expect(await server.stop()).toBe(0)
  })
})
