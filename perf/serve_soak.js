// node perf/serve_soak.js [minutes]: does `serve` stay up? 1,000 streams at a time, then 300 requests/s while a fifth of what the
// models do fails in six ways. `measure` is the same for half a minute each.
import { fork, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const bin = process.env.LLMROUTE_BIN ?? fileURLToPath(new URL('../bin/llmroute.js', import.meta.url))
const self = fileURLToPath(import.meta.url)
const [RATE, FAILING] = [300, 0.2]
let prompts = 0
/** Pieces of a stream's answer, and the milliseconds between two. */
const [PIECES, PAUSE] = [40, 500]

if (process.argv[1] === self) {
  if (process.argv[2] === 'upstream') upstream(Number(process.argv[3]), Number(process.argv[4]))
  else {
    const seconds = 60 * Number(process.argv[2] ?? 10)
    for (const { name, value, unit, target } of await measure({ streaming: Math.min(60, seconds), failing: seconds }))
      console.log(`${name.padEnd(62)} ${String(Number(value.toPrecision(5))).padStart(10)} ${unit.padEnd(3)} ${target}`)
  }
}

/** Figures of both parts, over so many seconds each. */
export async function measure({ streaming = 30, failing = 30, streams = 1000, pause = PAUSE, rate = RATE } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'llmroute-soak-'))
  const children = []
  try {
    const good = await startUpstream(children, 0, pause)
    const bad = await startUpstream(children, FAILING, pause)
    const steady = await startServe(children, folder, { a: good, b: good })
    const lost = await streamsFor(steady, { seconds: streaming, streams, pause })
    const quick = await startUpstream(children, 0, 0)
    const soaked = await startServe(children, folder, { a: bad, b: quick })
    const soak = await soakFor(soaked, failing, rate)
    return [
      { name: `soak: streams lost of ${lost.count}, ${streams} at a time`, value: lost.lost, unit: '', target: '0' },
      {
        name: 'soak: memory at the end of the streams over that at the start',
        value: lost.growth,
        unit: '×',
        target: '≤ 1.1',
      },
      {
        name: `soak: of ${soak.count} requests, answered twice, not, or badly`,
        value: soak.malformed,
        unit: '',
        target: '0',
      },
      {
        name: 'soak: answers to requests that had sent no byte',
        value: 100 * soak.answered,
        unit: '%',
        target: '≥ 99.9',
      },
      { name: 'soak: streams cut, each with an error event', value: soak.cut, unit: '', target: 'a few' },
      { name: 'soak: memory at the end over that after a tenth', value: soak.growth, unit: '×', target: '≤ 1.1' },
    ]
  } finally {
    for (const child of children) child.kill()
    rmSync(folder, { recursive: true })
  }
}

/** So many streams at a time, a new one for each that ends. */
async function streamsFor(serve, { seconds, streams, pause }) {
  const agent = new Agent({ keepAlive: true, maxSockets: streams })
  const end = Date.now() + seconds * 1000
  const early = sampled(serve.pid, Math.min(10, seconds / 3))
  let [count, lost] = [0, 0]
  const lane = async i => {
    // Not all in the same moment.
    await new Promise(resolve => setTimeout(resolve, (i / streams) * pause))
    do {
      count++
      const { text } = await call(serve.port, agent, true)
      if (!text.endsWith('data: [DONE]\n\n') || (text.match(/"piece /g) ?? []).length !== PIECES) lost++
    } while (Date.now() < end)
  }
  await Promise.all([...Array(streams).keys()].map(lane))
  agent.destroy()
  return { count, lost, growth: memoryOf(serve.pid) / (await early) }
}

/** 300 requests a second, a third of them streams. */
async function soakFor(serve, seconds, rate) {
  const agent = new Agent({ keepAlive: true })
  const early = sampled(serve.pid, Math.max(10, seconds / 10))
  const found = { count: 0, malformed: 0, answers: 0, cut: 0 }
  const calls = []
  const started = performance.now()
  for (let i = 0; i < rate * seconds; i++) {
    const wait = started + (i * 1000) / rate - performance.now()
    if (wait > 0) await new Promise(resolve => setTimeout(resolve, wait))
    calls.push(call(serve.port, agent, i % 3 === 0).then(answer => judge(found, answer, i % 3 === 0)))
  }
  await Promise.all(calls)
  agent.destroy()
  const { count: all, malformed, answers, cut } = found
  return { count: all, malformed, cut, answered: answers / (all - cut), growth: memoryOf(serve.pid) / (await early) }
}

/** Counts an answer, and shows the first that are not as they should be. */
function judge(found, answer, isStream) {
  const before = found.malformed
  count(found, answer, isStream)
  if (found.malformed > before && before < 5)
    process.stderr.write(`malformed: ${answer.status} ${JSON.stringify(answer.text).slice(0, 500)}\n`)
}

/** An answer is whole, or one error in the envelope; a stream ends with [DONE], or with one error event. */
function count(found, { status, text, prompt }, isStream) {
  found.count++
  if (status !== 200) {
    if (typeof parsed(text)?.error?.message !== 'string') found.malformed++
  } else if (!isStream) {
    if (parsed(text)?.choices?.[0]?.message?.content === `You said: ${prompt}`) found.answers++
    else found.malformed++
  } else if (text.endsWith('data: [DONE]\n\n')) {
    if (text.includes('"error"')) found.malformed++
    else found.answers++
  } else if (/\n\ndata: \{"error":\{[^\n]*"stream_cut"\}\}\n\n$/.test(text)) found.cut++
  else found.malformed++
}

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function call(port, agent, isStream) {
  const prompt = `Question ${prompts++}: how do rivers, rain and ${prompts % 97} other things shape a valley?`
  const body = JSON.stringify({ model: 'auto', stream: isStream, messages: [{ role: 'user', content: prompt }] })
  return new Promise(resolve => {
    const sent = request({ port, agent, method: 'POST', path: '/v1/chat/completions' }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', piece => {
        text += piece
      })
      response.on('close', () => resolve({ status: response.statusCode, text, prompt }))
    })
    sent.on('error', error => resolve({ status: 0, text: error.message, prompt }))
    sent.end(body)
  })
}

function memoryOf(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1])
}

function sampled(pid, seconds) {
  return new Promise(resolve => setTimeout(() => resolve(memoryOf(pid)), seconds * 1000))
}

function startUpstream(children, failing, pause) {
  const child = fork(self, ['upstream', String(failing), String(pause)])
  children.push(child)
  return new Promise(resolve => child.once('message', resolve))
}

async function startServe(children, folder, { a, b }) {
  const file = join(folder, 'llmroute.yaml')
  const model = port => `{ base_url: http://127.0.0.1:${port}/v1 }`
  writeFileSync(
    file,
    `models:\n  a: ${model(a)}\n  b: ${model(b)}\npair: { strong: a, weak: b }\nstrategy: random\nthreshold: 0.5
retry: { attempts: 3, first_wait: 20ms }\ntimeouts: { first_byte: 2s, idle: 2s }\nbreaker: { failures: 50, minimum: 100 }\n`,
  )
  const child = spawn(process.execPath, [bin, 'serve', '--port', '0', '--config', file, '--log-level', 'silent'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  children.push(child)
  return new Promise((resolve, reject) => {
    let printed = ''
    child.stderr.on('data', text => {
      printed += text
      const found = /listening at http:\/\/[^:]+:(\d+)/.exec(printed)
      if (found) resolve({ port: Number(found[1]), pid: child.pid })
    })
    child.once('exit', () => reject(new Error(`serve ended: ${printed}`)))
  })
}

/** Answers, or fails in one of six ways. Its streams take their time where nothing fails. */
function upstream(failing, pause) {
  const server = createServer(async (incoming, response) => {
    let text = ''
    for await (const chunk of incoming) text += chunk
    const body = JSON.parse(text)
    const said = `You said: ${body.messages[0].content}`
    const piece = content =>
      `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`
    const fault = Math.random() < failing ? Math.floor(Math.random() * 6) : -1
    if (fault === 0 || fault === 1) {
      response.writeHead(fault === 0 ? 429 : 500, { 'content-type': 'application/json' })
      return response.end('{"error":{"message":"no","type":"server_error","code":null,"param":null}}')
    }
    if (fault === 2) return
    if (fault === 3 && !body.stream) {
      response.writeHead(200, { 'content-type': 'application/json' })
      return response.write('{"choices":[', () => incoming.socket.destroy())
    }
    if (fault === 4) {
      response.writeHead(200, { 'content-type': 'application/json' })
      return response.end('<html>not JSON</html>')
    }
    if (fault === 5) return incoming.socket.destroy()
    if (!body.stream) {
      response.writeHead(200, { 'content-type': 'application/json' })
      const choices = [{ index: 0, message: { role: 'assistant', content: said }, finish_reason: 'stop' }]
      return response.end(JSON.stringify({ id: 'x', object: 'chat.completion', created: 1, model: 'm', choices }))
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    if (fault === 3) return response.write(piece('half').repeat(3), () => incoming.socket.destroy())
    if (failing > 0) return response.end(`${piece(said)}data: [DONE]\n\n`)
    for (let i = 0; i < PIECES && !response.destroyed; i++) {
      response.write(piece(`piece ${i}`))
      await new Promise(resolve => setTimeout(resolve, pause))
    }
    response.end('data: [DONE]\n\n')
  })
  server.listen(0, '127.0.0.1', () => process.send(server.address().port))
}
