import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  type AnsweringServer,
  type ChatRequest,
  promptOf,
  type Reply,
  startAnsweringServer,
} from '../helpers/answering_server.ts'
import { requestCsv } from '../helpers/request_file.ts'
import { binary, runCli } from '../helpers/run_cli.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const KEY = 'sk-batch-call-secret'
const folder = temporaryFolder()
const place = (name: string) => join(folder.path, name)
const read = (name: string) => readFileSync(place(name), 'utf8')
const linesOf = (name: string) => read(name).trimEnd().split('\n')
const ledgerOf = (output: string) => linesOf(`${output}.ledger.jsonl`).map(line => JSON.parse(line))
const batch = (...args: string[]) => runCli(['batch', '--call', ...args], { cwd: folder.path, env: { CALL_KEY: KEY } })
let server: AnsweringServer
let answer: (request: ChatRequest, count: number) => Reply = usual

function usual(request: ChatRequest): Reply {
  return {
    text: `"${promptOf(request)}", said\nby ${request.model}`,
    usage: { prompt_tokens: 100, completion_tokens: 10 },
  }
}

function configure(more = ''): void {
  const endpoint = `base_url: ${server.url}, api_key_env: CALL_KEY`
  folder.write(
    'llmroute.yaml',
    `models:
  big: { ${endpoint}, input_price: 10, output_price: 100 }
  small: { ${endpoint}, input_price: 1, output_price: 10 }
pair: { strong: big, weak: small }
strategy: length
threshold: 0.4
retry: { attempts: 2, first_wait: 1ms }
${more}`,
  )
}

beforeAll(async () => {
  server = await startAnsweringServer((request, count) => answer(request, count))
  configure()
  folder.write('three.csv', `id,prompt\n1,hi\n2,${'x'.repeat(300)}\n3,there\n`)
})
afterAll(() => server.close())
afterEach(() => {
  answer = usual
  server.requests.length = 0
  configure()
})

const ADDED =
  'llmroute_model,llmroute_win_rate,llmroute_threshold,llmroute_answer,llmroute_input_tokens,llmroute_output_tokens,llmroute_cost,llmroute_latency,llmroute_retries'

describe('what is written', () => {
  test('rows in the order of the input, with the answer and what it took; the ledger; costs against one model for all', async () => {
    answer = request => ({ ...usual(request), delay: promptOf(request) === 'hi' ? 200 : 0 })
    const { code, stdout, stderr } = await batch('three.csv', '-o', 'three.out.csv')
    expect([code, stdout]).toEqual([0, ''])
    const x = 'x'.repeat(300)
    expect(read('three.out.csv').replace(/,\d+,0\n/g, ',MS,0\n')).toBe(
      `id,prompt,${ADDED}
1,hi,small,${2 / 302},0.4,"""hi"", said\nby small",100,10,0.0002,MS,0
2,${x},big,0.5,0.4,"""${x}"", said\nby big",100,10,0.002,MS,0
3,there,small,${5 / 305},0.4,"""there"", said\nby small",100,10,0.0002,MS,0
`,
    )
    expect(stderr).toMatch(/^batch: 3 answers, 66\.7 % by small, 33\.3 % by big, [\d.]+ answers\/s\n/)
    expect(stderr).toContain(
      'batch: $0.00240 for 300 + 30 tokens; all strong (big) $0.00600, all weak (small) $0.000600: 60.0 % less than all strong.\n',
    )
    const [head, ...entries] = ledgerOf('three.out.csv')
    expect(head).toMatchObject({ version: 1, input: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(
      entries.filter(({ status }) => status === 'sent').map(({ row, line, models }) => [row, line, models]),
    ).toEqual([
      [1, 2, ['small']],
      [2, 3, ['big']],
      [3, 4, ['small']],
    ])
    expect(entries.find(({ row, status }) => row === 2 && status === 'answered')).toMatchObject({
      ...{ line: 3, model: 'big', inputTokens: 100, outputTokens: 10, cost: 0.002, retries: 0 },
      answer: `"${x}", said\nby big`,
    })
    expect(entries.at(-1)).toEqual({ status: 'finished' })
  })

  test('JSONL: a conversation is sent whole, with the keys of a request; plain lines; gzip', async () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'one' },
    ]
    folder.write(
      'chat.jsonl',
      `${JSON.stringify({ id: 7, messages, temperature: 0.5, max_tokens: 3 })}\n{"prompt":"two"}\n`,
    )
    const { code, stderr } = await batch(
      'chat.jsonl',
      '-o',
      'chat.out.jsonl.gz',
      '--system',
      'Be kind.',
      '--max-tokens',
      '99',
    )
    expect(code, stderr).toBe(0)
    const rows = gunzipSync(readFileSync(place('chat.out.jsonl.gz')))
      .toString()
      .trimEnd()
      .split('\n')
    expect(rows.map(row => JSON.parse(row))).toMatchObject([
      { id: 7, messages, llmroute_model: 'small', llmroute_answer: '"one", said\nby small', llmroute_cost: 0.0002 },
      { prompt: 'two', llmroute_answer: '"two", said\nby small', llmroute_input_tokens: 100, llmroute_retries: 0 },
    ])
    const bodies = server.requests
      .map(({ body }) => body)
      .sort((a, b) => b.messages[0]!.content.length - a.messages[0]!.content.length)
    expect(bodies.find(({ temperature }) => temperature === 0.5)).toEqual({
      model: 'small',
      messages,
      temperature: 0.5,
      max_tokens: 3,
    })
    expect(bodies.find(({ max_tokens }) => max_tokens === 99)?.messages).toEqual([
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'two' },
    ])
    const lines = await runCli(['batch', '--call', '-'], { cwd: folder.path, env: { CALL_KEY: KEY }, input: 'hi\n' })
    expect(lines.stdout).toMatch(/^hi\tsmall\t[\d.]+\t0\.4\t"\\"hi\\", said\\nby small"\t100\t10\t0\.0002\t\d+\t0\n$/)
  })

  test('--json: decisions with answers without -o, one summary with it', async () => {
    const shown = (await batch('three.csv', '--json')).stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(shown).toMatchObject([
      {
        line: 2,
        model: 'small',
        policy: 'threshold',
        answer: { text: '"hi", said\nby small', inputTokens: 100, cost: 0.0002 },
      },
      { line: 3, model: 'big' },
      { line: 4, model: 'small' },
    ])
    const summary = JSON.parse((await batch('three.csv', '-o', 's.csv', '--json')).stdout)
    expect(summary).toMatchObject({
      ...{ version: 1, state: 'finished', rows: 3, failed: 0, rejected: 0, rejectedFile: null, answeredHere: 3 },
      ...{ byModel: { big: 1, small: 2 }, inputTokens: 300, outputTokens: 30, ledger: 's.csv.ledger.jsonl' },
    })
    expect(summary.cost).toBeCloseTo(0.0024, 12)
    expect(summary.baselines).toMatchObject([
      { name: 'all strong', model: 'big' },
      { name: 'all weak', model: 'small' },
    ])
  })

  test('--max-concurrency holds for calls; ensemble adds what all of them cost', async () => {
    folder.write('some.csv', requestCsv(40))
    answer = request => ({ ...usual(request), text: 'It is 4.', delay: 5 })
    const { code, stderr } = await batch(
      'some.csv',
      '-o',
      'some.out.csv',
      '--ensemble',
      'small,big',
      '--max-concurrency',
      '4',
    )
    expect(code, stderr).toBe(0)
    expect(server.requests).toHaveLength(80)
    expect(server.most()).toBeLessThanOrEqual(4)
    expect(ledgerOf('some.out.csv').at(-2)).toMatchObject({
      cost: 0.0022,
      how: 'majority, 2 of 2',
      calls: [{ model: 'small' }, { model: 'big' }],
    })
    expect(stderr).toContain('all strong (big) $0.0800, all weak (small) $0.00800: 10.0 % more than all strong.')
  })

  test('--dry-run sends and writes nothing', async () => {
    const { code, stdout, stderr } = await batch('three.csv', '-o', 'dry.csv', '--dry-run')
    expect(code).toBe(0)
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line)),
    ).toMatchObject([
      { line: 2, model: 'small', requests: [{ url: `${server.url}/chat/completions`, body: { model: 'small' } }] },
      { line: 3, model: 'big' },
      { line: 4, model: 'small' },
    ])
    expect(stderr).toContain('batch: 3 rows, 2 to small, 1 to big.')
    expect([server.requests.length, existsSync(place('dry.csv.ledger.jsonl'))]).toEqual([0, false])
  })
})

describe('no row is lost', () => {
  test('rows without an answer are rejected with the reason, exit code 1, and --resume asks for them alone', async () => {
    answer = request => (promptOf(request) === 'there' ? { status: 500 } : usual(request))
    const { code, stderr } = await batch('three.csv', '-o', 'f.csv')
    expect(code).toBe(1)
    expect(stderr).toContain('batch: 1 row failed; the same command with --resume asks them again.\n')
    expect(
      linesOf('f.csv')
        .filter(line => /^\d/.test(line))
        .map(line => line[0]),
    ).toEqual(['1', '2'])
    expect(read('f.csv.rejected.csv')).toMatch(/^line,reason,raw\n4,"?[^\n]*500[^\n]*,"3,there"\n$/)
    answer = usual
    const before = server.requests.length
    const again = await batch('three.csv', '-o', 'f.csv', '--resume')
    expect([again.code, server.requests.length - before]).toEqual([0, 1])
    expect(read('f.csv')).toContain('3,there,small')
    expect(existsSync(place('f.csv.rejected.csv'))).toBe(false)
    expect((await batch('three.csv', '-o', 'f.csv', '--resume')).stderr).toBe(
      'batch: nothing to do; an earlier run has finished this output.\n',
    )
    const { state, rows, byModel, cost, inputTokens, baselines } = JSON.parse(
      (await batch('three.csv', '-o', 'f.csv', '--resume', '--json')).stdout,
    )
    expect([state, rows, byModel, inputTokens]).toEqual(['unchanged', 3, { small: 2, big: 1 }, 300])
    expect(cost).toBeCloseTo(0.0024, 12)
    expect(baselines).toMatchObject([{ name: 'all strong' }, { name: 'all weak' }])
  })

  test('where all fail the rows are all rejected', async () => {
    answer = () => ({ status: 401 })
    const { code } = await batch('three.csv', '-o', 'all.csv')
    expect(code).toBe(1)
    expect(linesOf('all.csv.rejected.csv')).toHaveLength(4)
    expect(read('all.csv')).toBe(`id,prompt,${ADDED}\n`)
  })

  test('a failure that passes is retried and counted', async () => {
    answer = (request, count) => (count === 1 ? { status: 503 } : usual(request))
    await batch('three.csv', '-o', 'r.csv', '--max-concurrency', '1')
    expect(linesOf('r.csv').filter(line => line.endsWith(',1'))).toHaveLength(1)
  })

  test('an outage that opens the breaker is waited for', async () => {
    configure('breaker: { failures: 2, cool_down: 300ms }\n')
    folder.write('some.csv', requestCsv(30))
    const started = Date.now()
    answer = request => (Date.now() - started < 2500 ? { status: 503 } : usual(request))
    const { code, stderr } = await batch('some.csv', '-o', 'outage.csv', '--max-concurrency', '2')
    expect(code, stderr).toBe(0)
    expect(stderr).toContain('batch: 30 answers')
  })

  test('rows of a model that goes down are decided again, at once, where another is up', async () => {
    folder.write('some.csv', requestCsv(40))
    answer = request => (request.model === 'big' ? { status: 500 } : usual(request))
    const args = ['--policy', 'round_robin', '--models', 'big,small', '--log', 'again.jsonl']
    const started = Date.now()
    const { code, stderr } = await batch('some.csv', '-o', 'again.csv', ...args)
    expect(code, stderr).toBe(0)
    expect(Date.now() - started).toBeLessThan(9000)
    expect(stderr).toMatch(/^batch: 40 answers, 100\.0 % by small/)
    expect(server.requests.filter(({ body }) => body.model === 'big').length).toBeLessThanOrEqual(20)
    const logged = linesOf('again.jsonl').map(line => JSON.parse(line))
    expect(logged.map(({ model }) => model)).toEqual(Array(40).fill('small'))
    const retried = ledgerOf('again.csv').filter(({ status }) => status === 'failed')
    expect(retried.length).toBeGreaterThan(0)
    expect(retried.every(({ models }) => models[0] === 'big')).toBe(true)
  })

  test('without --retries only rows that failed before anybody knew are rejected; a budget holds for the others', async () => {
    folder.write('some.csv', requestCsv(40))
    answer = request => (request.model === 'big' ? { status: 500 } : usual(request))
    const args = [
      '--policy',
      'round_robin',
      '--models',
      'big,small',
      '--retries',
      '0',
      '--max-dollars',
      '1',
      '--max-concurrency',
      '1',
    ]
    const { code, stderr } = await batch('some.csv', '-o', 'none.csv', ...args)
    expect([code, existsSync(place('none.csv.rejected.csv'))], stderr).toEqual([1, true])
    expect(stderr).toContain('batch: 36 answers')
    expect(stderr).toContain('4 rows failed')
  })

  test('--strict ends at the first, with its line', async () => {
    answer = () => ({ status: 400 })
    const { code, stderr } = await batch('three.csv', '-o', 'strict.csv', '--strict', '--max-concurrency', '1')
    expect(code).toBe(3)
    expect(stderr).toMatch(/three\.csv:2: .*400/)
  })
})

describe('goes on', () => {
  const rows = 400
  const args = (output: string) => ['long.csv', '-o', output, '--max-concurrency', '8']
  const whole = () => read('whole.csv').replace(/,\d+,0$/gm, '')

  beforeAll(async () => {
    folder.write('long.csv', requestCsv(rows, { badRows: 4 }))
    answer = usual
    await batch(...args('whole.csv'))
    server.requests.length = 0
  })

  /** Starts a batch and ends it with a signal when it is in the middle. */
  async function interrupted(output: string, signal: NodeJS.Signals): Promise<{ code: number | null; stderr: string }> {
    answer = request => ({ ...usual(request), delay: 20 })
    const child = spawn(process.execPath, [binary, 'batch', '--call', ...args(output)], {
      cwd: folder.path,
      env: { ...process.env, CALL_KEY: KEY },
    })
    let stderr = ''
    child.stderr.on('data', chunk => {
      stderr += chunk
    })
    const closed = new Promise<number | null>(resolve => child.on('close', resolve))
    while (server.requests.length < 100) await sleep(5)
    child.kill(signal)
    return { code: await closed, stderr }
  }

  test('after kill -9: no answered row is sent again, the ledger names the others, the output is as without it', async () => {
    await interrupted('killed.csv', 'SIGKILL')
    expect(existsSync(place('killed.csv'))).toBe(false)
    const entries = ledgerOf('killed.csv')
    const answered = new Set(entries.filter(({ status }) => status === 'answered').map(({ row }) => row))
    const inFlight = entries.filter(({ status, row }) => status === 'sent' && !answered.has(row)).map(({ row }) => row)
    expect(inFlight.length).toBeLessThanOrEqual(8)
    const sent = server.requests.length
    // Every request that came was in the ledger before it was sent.
    expect(sent).toBeLessThanOrEqual(answered.size + inFlight.length)
    answer = usual
    const { code, stderr } = await batch(...args('killed.csv'), '--resume')
    expect(code, stderr).toBe(1)
    expect(stderr).toContain(`goes on after ${answered.size} answers`)
    if (inFlight.length > 0) expect(stderr).toContain(`asked again: ${inFlight.sort((a, b) => a - b).join(', ')}`)
    expect(server.requests.length - sent).toBe(rows - 4 - answered.size)
    expect(read('killed.csv').replace(/,\d+,0$/gm, '')).toBe(whole())
    expect(linesOf('killed.csv.rejected.csv')).toEqual(linesOf('whole.csv.rejected.csv'))
  })

  test('Ctrl-C lets those under way come to their end: nothing is sent twice', async () => {
    const { code, stderr } = await interrupted('stopped.csv', 'SIGINT')
    expect(code).toBe(130)
    expect(stderr).toContain('batch: what is done is kept; the same command with --resume goes on from there.')
    const entries = ledgerOf('stopped.csv')
    const answered = entries.filter(({ status }) => status === 'answered').length
    expect(entries.filter(({ status }) => status === 'sent')).toHaveLength(answered)
    answer = usual
    await batch(...args('stopped.csv'), '--resume')
    expect(server.requests).toHaveLength(rows - 4)
    expect(read('stopped.csv').replace(/,\d+,0$/gm, '')).toBe(whole())
  })

  test('--max-dollars stops before it, and more goes on', async () => {
    const first = await batch(...args('budget.csv'), '--max-dollars', '0.05')
    expect(first.code).toBe(1)
    expect(first.stderr).toContain('batch: the next row could pass --max-dollars; give more to go on.\n')
    const spent = ledgerOf('budget.csv').reduce((sum, { cost = 0 }) => sum + cost, 0)
    expect(spent).toBeGreaterThan(0.04)
    expect(spent).toBeLessThanOrEqual(0.05)
    const sent = server.requests.length
    const again = await batch(...args('budget.csv'), '--max-dollars', '0.05', '--resume')
    expect([again.code, server.requests.length - sent]).toEqual([1, 0])
    await batch(...args('budget.csv'), '--max-dollars', '100', '--resume')
    expect(server.requests).toHaveLength(rows - 4)
    expect(read('budget.csv').replace(/,\d+,0$/gm, '')).toBe(whole())
  })

  test('with other options or another input it is refused', async () => {
    await batch('three.csv', '-o', 'o.csv')
    expect((await batch('three.csv', '-o', 'o.csv', '--resume', '--system', 'x')).stderr).toBe(
      '--resume: expected system message not set, got x: the options with which o.csv.ledger.jsonl was begun. Leave out --resume to start anew.\n',
    )
    expect((await batch('long.csv', '-o', 'o.csv', '--resume')).stderr).toBe(
      '--resume: expected the same input as the one with which o.csv.ledger.jsonl was begun. Leave out --resume to start anew.\n',
    )
  })
})

test('prices that are not known: --max-dollars refuses before anything is sent', async () => {
  const endpoint = `base_url: ${server.url}`
  folder.write(
    'llmroute.yaml',
    `models: { a: { ${endpoint} }, b: { ${endpoint} } }\npair: { strong: a, weak: b }\nstrategy: length\n`,
  )
  const { code, stderr } = await batch('three.csv', '-o', 'x.csv', '--max-dollars', '1')
  expect([code, stderr]).toEqual([
    2,
    '--max-dollars: expected the prices of b, got none. Give them input_price and output_price in llmroute.yaml.\n',
  ])
  expect([server.requests, existsSync(place('x.csv.ledger.jsonl'))]).toEqual([[], false])
  expect((await batch('three.csv', '-o', 'x.csv')).stderr).toContain('what they cost is not known')
})

test('a column that calling adds is refused', async () => {
  folder.write('has.csv', 'prompt,llmroute_answer\nhi,x\n')
  expect((await batch('has.csv')).stderr).toBe(
    'has.csv: expected no column llmroute_answer, which --call adds. Rename or remove it.\n',
  )
})

test('the key is sent, and shows nowhere', async () => {
  answer = () => ({ status: 401 })
  const { stdout, stderr } = await batch('three.csv', '-o', 'key.csv', '--json')
  expect(server.requests[0]?.key).toBe(`Bearer ${KEY}`)
  expect(`${stdout}${stderr}${read('key.csv.ledger.jsonl')}${read('key.csv.rejected.csv')}`).not.toContain('secret')
})
