// What calling models costs: the caller against bare undici, both at the same concurrency against an endpoint that takes 200 ms.
import { execFileSync, spawn } from 'node:child_process'
import { bundle } from './bundle.mjs'

const CALLS = 20_000
const CONCURRENCY = 256
const LATENCY = 200

/** Each side in a process of its own, one after the other. */
export async function measure() {
  const file = await bundle(program, 'upstream_perf')
  const server = spawn(process.execPath, [file, 'serve'], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const url = await new Promise(resolve => server.stdout.once('data', line => resolve(String(line).trim())))
    const run = side => JSON.parse(execFileSync(process.execPath, [file, side, url], { encoding: 'utf8' }))
    const bare = run('undici')
    const caller = run('caller')
    const calls = `${CALLS.toLocaleString('en-US')} calls, ${CONCURRENCY} at a time`
    return [
      {
        name: `upstream: ${calls}, rate over bare undici's`,
        value: caller.rate / bare.rate,
        unit: '×',
        target: '≥ 0.9',
      },
      {
        name: 'upstream: resident memory at the end over that at 10 s',
        value: caller.growth,
        unit: '×',
        target: '≤ 1.1',
      },
      { name: 'upstream: processor time of a call', value: caller.processor, unit: 'µs', target: '' },
      { name: 'upstream: processor time of bare undici', value: bare.processor, unit: 'µs', target: '' },
    ]
  } finally {
    server.kill()
  }
}

const program = `
import { createServer } from 'node:http'
import { Agent, request } from 'undici'
import { createCaller } from './src/upstream/caller.ts'

const [, , side, url] = process.argv
const messages = [{ role: 'user', content: 'Why do cats sleep so long? '.repeat(10) }]
const answer = JSON.stringify({
  id: 'a', object: 'chat.completion', created: 1, model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Because they can. '.repeat(30) }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 70, completion_tokens: 120 },
})

if (side === 'serve') {
  const server = createServer((incoming, response) => {
    incoming.resume()
    incoming.on('end', () => setTimeout(() => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer)
    }, ${LATENCY}))
  })
  server.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port))
} else {
  const send = side === 'undici' ? bare() : ours()
  let next = 0
  let atTen = 0
  setTimeout(() => { atTen = process.memoryUsage().rss }, 10_000).unref()
  await Promise.all(Array.from({ length: ${CONCURRENCY} }, () => send(0)))
  const started = performance.now()
  const before = process.cpuUsage()
  await Promise.all(Array.from({ length: ${CONCURRENCY} }, async () => {
    while (next < ${CALLS}) await send(next++)
  }))
  const { user, system } = process.cpuUsage(before)
  console.log(JSON.stringify({
    rate: ${CALLS} / (performance.now() - started) * 1000,
    growth: process.memoryUsage().rss / atTen,
    processor: (user + system) / ${CALLS},
  }))
  process.exit(0)
}

function bare() {
  const dispatcher = new Agent()
  const headers = { 'content-type': 'application/json' }
  return async i => {
    const { body } = await request(url + '/v1/chat/completions', {
      dispatcher, method: 'POST', headers, body: JSON.stringify({ messages, seed: i, model: 'm' }),
    })
    const { choices } = await body.json()
    if (!choices[0].message.content) throw new Error('no answer')
  }
}

function ours() {
  const { call } = createCaller({ maxConcurrency: ${CONCURRENCY} })
  const models = [{ id: 'm', inputPrice: 1, outputPrice: 2, endpoint: { baseUrl: url + '/v1' } }]
  return async i => {
    const { text } = await call({ models, body: { messages, seed: i } })
    if (!text) throw new Error('no answer')
  }
}
`
