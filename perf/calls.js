// What `batch --call` reaches against an endpoint that takes 200 ms, beside bare undici sending the same requests to it.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runNode } from './run_node.mjs'

const bin = fileURLToPath(new URL('../bin/llmroute.js', import.meta.url))
const undici = import.meta.resolve('undici')
const ROWS = 20_000
const CONCURRENCY = 256
const LATENCY = 200
const WARM = 10_000

/** A whole process of `batch`, its start included, against the time that bare undici takes from its first request on. */
export async function measure() {
  const folder = mkdtempSync(join(tmpdir(), 'llmroute-perf-'))
  const server = await start()
  try {
    const prompts = Array.from(
      { length: ROWS },
      (_, i) => `Question ${i}: what is ${i % 97} times ${i % 89}? Explain it in a few words.`,
    )
    writeFileSync(join(folder, 'in.csv'), `id,prompt\n${prompts.map((prompt, i) => `${i},${prompt}\n`).join('')}`)
    const endpoint = `base_url: ${server.url}/v1, input_price: 1, output_price: 2`
    writeFileSync(
      join(folder, 'llmroute.yaml'),
      `models: { big: { ${endpoint} }, small: { ${endpoint} } }\npair: { strong: big, weak: small }\n`,
    )
    const bare = await run(['--input-type=module', '-e', bareClient(server.url)], folder)
    const batch = await run(
      [bin, 'batch', 'in.csv', '-o', 'out.csv', '--call', '--max-concurrency', String(CONCURRENCY)],
      folder,
    )
    const answers = readFileSync(join(folder, 'out.csv'), 'utf8').trimEnd().split('\n').length - 1
    if (answers !== ROWS) throw new Error(`expected ${ROWS} answers, got ${answers}`)
    const bareRate = ROWS / Number(/took (\S+)/.exec(bare.printed)[1])
    const rate = ROWS / batch.seconds
    const at = milliseconds => batch.memory.find(({ time }) => time >= milliseconds)?.rss ?? Number.NaN
    const end = batch.memory.at(-1).rss
    return [
      {
        name: 'batch --call: answers a second, 20,000 rows, 256 at a time, 200 ms',
        value: Math.round(rate),
        unit: '/s',
        target: '',
      },
      { name: 'bare undici in the same run', value: Math.round(bareRate), unit: '/s', target: '' },
      { name: 'batch --call: share of that rate', value: rate / bareRate, unit: '', target: '≥ 0.90' },
      {
        name: 'batch --call: resident memory at the end over that after 10 s',
        value: end / at(WARM),
        unit: '',
        target: '≤ 1.1',
      },
      { name: 'batch --call: resident memory at the end', value: Math.round(end / 1048576), unit: 'MB', target: '' },
    ]
  } finally {
    server.child.kill()
    rmSync(folder, { recursive: true })
  }
}

/** An endpoint in a process of its own. */
async function start() {
  const code = `
    import { createServer } from 'node:http'
    const answer = Buffer.from(JSON.stringify({
      id: 'x', object: 'chat.completion', model: 'mock',
      choices: [{ index: 0, message: { role: 'assistant', content: 'The answer is forty-two, as everybody knows. '.repeat(5) }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 20, completion_tokens: 50 },
    }))
    const server = createServer((request, response) => {
      request.resume()
      request.on('end', () => setTimeout(() => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length })
        response.end(answer)
      }, ${LATENCY}))
    })
    server.keepAliveTimeout = 60_000
    server.listen(0, '127.0.0.1', () => console.log(server.address().port))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  const port = await new Promise(resolve => child.stdout.once('data', data => resolve(String(data).trim())))
  return { child, url: `http://127.0.0.1:${port}` }
}

function bareClient(url) {
  return `
    import { Pool } from ${JSON.stringify(undici)}
    const pool = new Pool(${JSON.stringify(url)}, { connections: ${CONCURRENCY} })
    const started = performance.now()
    let next = 0
    await Promise.all(Array.from({ length: ${CONCURRENCY} }, async () => {
      while (next < ${ROWS}) {
        const i = next++
        const content = 'Question ' + i + ': what is ' + (i % 97) + ' times ' + (i % 89) + '? Explain it in a few words.'
        const body = JSON.stringify({ messages: [{ role: 'user', content }], model: 'big' })
        const answer = await pool.request({ path: '/v1/chat/completions', method: 'POST', headers: { 'content-type': 'application/json' }, body })
        JSON.parse(await answer.body.text())
      }
    }))
    process.stderr.write('took ' + (performance.now() - started) / 1000 + '\\n')
    await pool.close()`
}

/** Runs node; wall time, and resident memory every half second and at the end. */
async function run(args, cwd) {
  const watch = `
    const samples = []
    const look = () => samples.push({ time: performance.now(), rss: process.memoryUsage.rss() })
    setInterval(look, 500).unref()
    process.on('exit', () => { look(); process.stderr.write('\\nmeasured ' + JSON.stringify(samples) + '\\n') })`
  const { seconds, printed, measured } = await runNode(args, watch, cwd)
  return { seconds, printed, memory: measured }
}
