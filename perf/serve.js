// What `serve` adds to a call, against a bare node:http reverse proxy before the same upstream in the same run.
import { execFileSync, fork, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const bin = process.env.LLMROUTE_BIN ?? fileURLToPath(new URL('../bin/llmroute.js', import.meta.url))
const self = fileURLToPath(import.meta.url)
const script = fileURLToPath(new URL('serve.lua', import.meta.url))
const HAS_WRK = spawnSync('wrk', ['-v']).error === undefined
const SINGLE = 500
const WARM = 500
const [CONNECTIONS, WARMED, BURST] = [32, 6000, 1000]
const [RATE, PACED] = [500, 500]
/** Rounds that are wanted in which the machine itself was calm, and rounds at most. */
const [CALM, MOST_ROUNDS] = [20, 80]
const STREAMS = 500
/** The bare proxy dies of a connection that is closed while it takes it up again: none is closed for being idle. */
const KEPT = { keepAliveTimeout: 3_600_000 }

if (process.argv[2] === 'upstream') upstream()
if (process.argv[2] === 'proxy') proxy(Number(process.argv[3]))

/** Latencies one call at a time, at 500 calls a second, throughput over 32 connections, and the first byte of streams. */
export async function measure() {
  const folder = mkdtempSync(join(tmpdir(), 'llmroute-perf-'))
  const children = []
  try {
    const direct = await start(children, 'upstream')
    const bare = await start(children, 'proxy', String(direct))
    const serve = await startServe(children, folder, direct)
    // A server runs for days: what compiles while it is new is done before anything is measured.
    for (const port of [direct, bare, serve, direct, bare, serve]) await rateOf(port, WARMED)
    const rounds = []
    while (rounds.length < MOST_ROUNDS && calmOf(rounds).length < CALM) {
      const single = await interleaved([direct, bare, serve], SINGLE, false)
      const paced = []
      for (const port of [direct, bare, serve]) paced.push(await pacedCalls(port))
      const rates = []
      for (const port of [bare, serve]) rates.push(await rateOf(port, BURST))
      const wrk = HAS_WRK ? [wrkRate(bare), wrkRate(serve)] : undefined
      rounds.push({ single: quantilesOf(single), paced: quantilesOf(paced), rates, wrk })
    }
    await interleaved([direct, serve], WARM, true)
    const first = await interleaved([direct, serve], STREAMS, true)
    const calm = calmOf(rounds)
    const [bare50, serve50] = added(calm, 'single', 'p50')
    return [
      figure('serve: rounds in which the machine was calm', '', calm.length, `of ${rounds.length}`),
      figure('serve: added latency p50, one connection', 'ms', serve50, `proxy adds ${bare50.toFixed(3)}`),
      overBare('serve: added latency p50 over that of a bare proxy', calm, 'single', 'p50'),
      overBare('serve: added latency p99 over that of a bare proxy', calm, 'single', 'p99'),
      overBare('serve: the same at 500 requests/s, p50', calm, 'paced', 'p50'),
      overBare('serve: the same at 500 requests/s, p99', calm, 'paced', 'p99'),
      throughput('serve: requests/s over those of a bare proxy', calm, 'rates'),
      ...(HAS_WRK ? [throughput('serve: the same, asked by wrk', calm, 'wrk')] : []),
      figure(
        'serve: first streamed byte after the upstream, median',
        'ms',
        at(first[1], 0.5) - at(first[0], 0.5),
        '≤ 1',
      ),
    ]
  } finally {
    for (const child of children) child.kill()
    rmSync(folder, { recursive: true })
  }
}

function figure(name, unit, value, target, interval) {
  return { name, unit, value, target, interval }
}

function quantilesOf(times) {
  return { p50: times.map(of => at(of, 0.5)), p99: times.map(of => at(of, 0.99)) }
}

/** Rounds in which calls past proxy and serve say that the machine did not pause for longer than it can help. */
function calmOf(rounds) {
  const pauses = rounds.map(({ paced }) => paced.p99[0])
  return rounds.filter((_, i) => pauses[i] <= 1.5 * Math.min(...pauses))
}

/** What proxy and serve add to a quantile, in the calmest quarter of the rounds of each. */
function added(rounds, load, quantile) {
  const of = rounds.map(round => round[load][quantile])
  const [direct, bare, serve] = [0, 1, 2].map(i => quarter(of.map(times => times[i])))
  return [bare - direct, serve - direct]
}

function overBare(name, rounds, load, quantile) {
  const ratio = of => {
    const [bare, serve] = added(of, load, quantile)
    return serve / bare
  }
  return figure(name, '×', ratio(rounds), '≤ 2', intervalOf(rounds, ratio))
}

function throughput(name, rounds, client) {
  const ratio = of => {
    const [bare, serve] = [0, 1].map(i => -quarter(of.map(round => -round[client][i])))
    return serve / bare
  }
  return figure(name, '×', ratio(rounds), '≥ 0.6', intervalOf(rounds, ratio))
}

/** 90 % of what other rounds like these would give, by drawing them again with replacement. */
function intervalOf(rounds, ratio) {
  const drawn = Array.from({ length: 500 }, () =>
    ratio(rounds.map(() => rounds[Math.floor(Math.random() * rounds.length)])),
  )
  return [at(drawn, 0.05), at(drawn, 0.95)]
}

const quarter = values => at(values, 0.25)
const at = (values, q) => values.toSorted((a, b) => a - b)[Math.floor(q * (values.length - 1))]

let prompts = 0
/** Never the same prompt twice. */
function bodyOf(isStream) {
  const content = `Question ${prompts++}: explain in a few sentences how rivers, rain and ${prompts % 97} other things shape a valley.`
  return JSON.stringify({ model: 'auto', ...(isStream ? { stream: true } : {}), messages: [{ role: 'user', content }] })
}

/** One call; resolves with milliseconds to its end and to its first byte. */
function call(port, agent, isStream = false) {
  return new Promise((resolve, reject) => {
    const body = bodyOf(isStream)
    const started = performance.now()
    let first = 0
    const sent = request(
      {
        port,
        agent,
        method: 'POST',
        path: '/v1/chat/completions',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      response => {
        if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode} from ${port}`))
        response.on('data', () => {
          first ||= performance.now() - started
        })
        response.on('end', () => resolve({ whole: performance.now() - started, first }))
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

/** The same moment for all: one call to each in turn. Times of the whole, of streams to the first byte. */
async function interleaved(ports, count, isStream) {
  const agents = ports.map(() => new Agent({ keepAlive: true, maxSockets: 1 }))
  const times = ports.map(() => [])
  for (let i = 0; i < count; i++) {
    for (const [k, port] of ports.entries()) {
      const { whole, first } = await call(port, agents[k], isStream)
      times[k].push(isStream ? first : whole)
    }
  }
  for (const agent of agents) agent.destroy()
  return times
}

/** 500 calls a second, whatever those before it do. */
async function pacedCalls(port) {
  const agent = new Agent({ keepAlive: true })
  const started = performance.now()
  const calls = []
  for (let i = 0; i < PACED; i++) {
    const wait = started + (i * 1000) / RATE - performance.now()
    if (wait > 0) await new Promise(resolve => setTimeout(resolve, wait))
    calls.push(call(port, agent))
  }
  const times = (await Promise.all(calls)).map(({ whole }) => whole)
  agent.destroy()
  return times
}

/** Calls a second over 32 connections. */
async function rateOf(port, count) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  let left = count
  const started = performance.now()
  const lane = async () => {
    while (left-- > 0) await call(port, agent)
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, lane))
  agent.destroy()
  return count / ((performance.now() - started) / 1000)
}

/** The same, asked by wrk. */
function wrkRate(port) {
  const printed = execFileSync('wrk', ['-t1', `-c${CONNECTIONS}`, '-d1s', '-s', script, `http://127.0.0.1:${port}`], {
    encoding: 'utf8',
  })
  if (/Non-2xx|Socket errors/.test(printed)) throw new Error(printed)
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(printed)[1])
}

/** Forks this file as an upstream or a proxy; resolves with its port. */
function start(children, ...args) {
  const child = fork(self, args)
  children.push(child)
  return new Promise(resolve => child.once('message', resolve))
}

async function startServe(children, folder, upstreamPort) {
  const file = join(folder, 'llmroute.yaml')
  const model = `{ base_url: http://127.0.0.1:${upstreamPort}/v1 }`
  writeFileSync(file, `models:\n  big: ${model}\n  small: ${model}\npair: { strong: big, weak: small }\n`)
  const child = spawn(process.execPath, [bin, 'serve', '--port', '0', '--config', file, '--log-level', 'silent'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  children.push(child)
  let printed = ''
  return new Promise((resolve, reject) => {
    child.stderr.on('data', text => {
      printed += text
      const found = /listening at http:\/\/[^:]+:(\d+)/.exec(printed)
      if (found) resolve(Number(found[1]))
    })
    child.once('exit', () => reject(new Error(`serve ended: ${printed}`)))
  })
}

/** Answers at once. */
function upstream() {
  const usage = { prompt_tokens: 20, completion_tokens: 1, total_tokens: 21 }
  const message = { role: 'assistant', content: 'yes' }
  const answer = JSON.stringify({
    id: 'x',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message, finish_reason: 'stop' }],
    usage,
  })
  const event = JSON.stringify({
    id: 'x',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices: [{ index: 0, delta: { content: 'yes' }, finish_reason: 'stop' }],
  })
  const server = createServer(KEPT, async (incoming, response) => {
    let isStream = false
    for await (const chunk of incoming) isStream ||= chunk.includes('"stream":true')
    response.writeHead(200, { 'content-type': isStream ? 'text/event-stream' : 'application/json' })
    response.end(isStream ? `data: ${event}\n\ndata: [DONE]\n\n` : answer)
  })
  server.listen(0, '127.0.0.1', () => process.send(server.address().port))
}

/** Nothing but node:http: reads the body, sends it on, pipes the answer back. */
function proxy(port) {
  const agent = new Agent({ keepAlive: true })
  const server = createServer(KEPT, (incoming, response) => {
    const sent = request(
      { port, agent, method: incoming.method, path: incoming.url, headers: incoming.headers },
      answer => {
        response.writeHead(answer.statusCode, answer.headers)
        answer.pipe(response)
      },
    )
    incoming.pipe(sent)
  })
  server.listen(0, '127.0.0.1', () => process.send(server.address().port))
}
