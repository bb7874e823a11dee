import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRandom } from '../../src/math/random.ts'
import {
  type AnsweringServer,
  type ChatRequest,
  promptOf,
  type Reply,
  startAnsweringServer,
} from '../helpers/answering_server.ts'
import { runCli } from '../helpers/run_cli.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const place = (name: string) => join(folder.path, name)
const run = (...args: string[]) => runCli(args, { cwd: folder.path, env: { LABEL_KEY: 'sk-not-to-be-seen' } })
const label = (...args: string[]) => run('label', ...args)
let server: AnsweringServer
let failing = (_: ChatRequest): boolean => false
let isMumbling = false

/** `strong` can multiply; `weak` adds, and answers products with their sum. */
function compute(request: ChatRequest): Reply | string {
  const prompt = promptOf(request)
  if (failing(request)) return { status: 500 }
  if (request.model === 'judge') return isMumbling && prompt.includes('times') ? 'Both have merit.' : verdict(prompt)
  const [, a, sign, b] = /(\d+) (plus|times) (\d+)/.exec(prompt) ?? []
  const right = sign === 'times' ? Number(a) * Number(b) : Number(a) + Number(b)
  const said = request.model === 'weak' ? Number(a) + Number(b) : right
  return { text: `Let me see. The answer is ${said}.`, usage: { prompt_tokens: 10, completion_tokens: 20 } }
}

/** Finds the right one of two answers, and prefers the first where neither is. */
function verdict(prompt: string): string {
  const [, a, sign, b] = /(\d+) (plus|times) (\d+)/.exec(prompt) ?? []
  const right = `is ${sign === 'times' ? Number(a) * Number(b) : Number(a) + Number(b)}.`
  const [first, second] = prompt.split('<answer_b>').map(part => part.includes(right))
  return first === second ? '[[A]]' : first ? '[[A]]' : '[[B]]'
}

function questions(rows: number): string {
  const random = createRandom(7)
  const lines = Array.from({ length: rows }, (_, i) => {
    const [a, b] = [10 + Math.floor(random() * 80), 10 + Math.floor(random() * 80)]
    const isProduct = random() < 0.5
    const category = isProduct ? 'product' : 'sum'
    return `q${i},${category},"What is ${a} ${isProduct ? 'times' : 'plus'} ${b}? Explain, please.",${isProduct ? a * b : a + b}`
  })
  return `id,category,prompt,answer\n${lines.join('\n')}\n`
}

beforeAll(async () => {
  server = await startAnsweringServer(compute)
  const endpoint = `base_url: ${server.url}, api_key_env: LABEL_KEY`
  folder.write(
    'llmroute.yaml',
    `models:
  strong: { ${endpoint}, input_price: 10, output_price: 30 }
  weak: { ${endpoint}, input_price: 1, output_price: 3 }
  judge: { ${endpoint}, input_price: 1, output_price: 1 }
pair: { strong: strong, weak: weak }
retry: { attempts: 1 }
`,
  )
  folder.write('questions.csv', questions(240))
})
afterAll(() => server.close())

const cells = (name: string) =>
  readFileSync(place(name), 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => line.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/))

describe('by reference', () => {
  test('outcomes that train and eval take: the loop from questions to a router that sends products to strong', async () => {
    const { code, stdout, stderr } = await label(
      'questions.csv',
      '-o',
      'outcomes.csv',
      '--reference',
      'answer',
      '--score',
      'numeric',
    )
    expect(stderr).toContain('label: 240 of 240 rows, $')
    expect(code).toBe(0)
    expect(stdout).toMatch(/strong +240 +1\.000 +\$0\.168\n/)
    const [header, ...rows] = cells('outcomes.csv')
    expect(header).toEqual(['id', 'category', 'prompt', 'score:strong', 'score:weak', 'cost:strong', 'cost:weak'])
    expect(rows).toHaveLength(240)
    for (const [, category, , strong, weak, costStrong, costWeak] of rows) {
      expect([strong, weak]).toEqual(['1', category === 'product' ? '0' : '1'])
      expect([Number(costStrong), Number(costWeak)]).toEqual([0.0007, 0.00007])
    }
    const trained = await run(
      'train',
      'outcomes.csv',
      '--strategy',
      'linear',
      '-o',
      'mine.safetensors',
      '--resamples',
      '50',
    )
    expect(trained.code, trained.stderr).toBe(0)
    const decide = async (prompt: string) =>
      (await run('route', prompt, '-c', 'mine.safetensors', '--threshold', '0.75')).stdout.trim()
    expect(await decide('What is 31 times 17? Explain, please.')).toBe('strong')
    expect(await decide('What is 31 plus 17? Explain, please.')).toBe('weak')
    const measured = await run(
      'eval',
      'outcomes.csv',
      '--strategies',
      'linear',
      '--cv',
      '2',
      '--resamples',
      '50',
      '--json',
    )
    expect(measured.code, measured.stderr).toBe(0)
  })

  test('a sample is seeded, and keeps the order of the file', async () => {
    const asked = async (seed: string, out: string) => {
      await label('questions.csv', '-o', out, '--reference', 'answer', '--n', '12', '--seed', seed)
      return cells(out)
        .slice(1)
        .map(([id]) => Number(id!.slice(1)))
    }
    const first = await asked('1', 's1.csv')
    expect(first).toHaveLength(12)
    expect(first).toEqual([...first].sort((a, b) => a - b))
    expect(await asked('1', 's2.csv')).toEqual(first)
    expect(await asked('2', 's3.csv')).not.toEqual(first)
  })

  test('regex and contains', async () => {
    folder.write('patterns.csv', 'prompt,pattern\nWhat is 3 times 4?,"is 1[2]\\."\nWhat is 2 plus 2?,answer is 5\n')
    await label('patterns.csv', '-o', 'p.csv', '--reference', 'pattern', '--score', 'regex')
    expect(
      cells('p.csv')
        .slice(1)
        .map(row => row.slice(2, 4)),
    ).toEqual([
      ['1', '0'],
      ['0', '0'],
    ])
    await label('patterns.csv', '-o', 'p.csv', '--reference', 'prompt', '--score', 'contains')
    expect(
      cells('p.csv')
        .slice(1)
        .map(row => row.slice(2, 4)),
    ).toEqual([
      ['0', '0'],
      ['0', '0'],
    ])
  })
})

describe('by a command', () => {
  test('it gets JSON, is started without a shell, and its score stands', async () => {
    folder.write(
      'check me.cjs',
      `let text = ''
process.stdin.on('data', chunk => { text += chunk }).on('end', () => {
  const { model, answer, reference, prompt, id } = JSON.parse(text)
  if (process.argv[2] !== '$(pwd)' || !prompt || !id) process.exit(3)
  console.log(answer.includes(reference) ? 1 : model === 'weak' ? 0.25 : 0)
})`,
    )
    const command = `${process.execPath} 'check me.cjs' $(pwd)`
    const { code, stderr } = await label(
      'questions.csv',
      '-o',
      'c.csv',
      '--n',
      '6',
      '--reference',
      'answer',
      '--command',
      command,
    )
    expect(code, stderr).toBe(0)
    for (const [, category, , strong, weak] of cells('c.csv').slice(1)) {
      expect([strong, weak]).toEqual(['1', category === 'product' ? '0.25' : '1'])
    }
  })

  test('rows that were answered and paid for are scored and written, though the budget is reached', async () => {
    const command = `${process.execPath} -e "console.log(1)"`
    const args = ['questions.csv', '-o', 'paid.csv', '--n', '30', '--command', command, '--max-dollars', '0.01']
    const { stderr } = await label(...args)
    expect(stderr).toContain('--max-dollars')
    const answered = readFileSync(place('paid.csv.ledger.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
      .filter(({ status, answer }) => status === 'answered' && answer !== undefined)
    const whole = [...new Set(answered.map(({ row }) => row))].filter(both)
    expect(cells('paid.csv')).toHaveLength(1 + whole.length)
    expect(whole.length).toBeGreaterThan(8)
    expect(answered.reduce((sum, { cost }) => sum + cost, 0)).toBeLessThanOrEqual(0.01)

    function both(row: number): boolean {
      return answered.filter(entry => entry.row === row).length === 2
    }
  })

  test('one that prints something else ends the run, and the answers are kept', async () => {
    const before = server.requests.length
    const wrong = await label(
      'questions.csv',
      '-o',
      'w.csv',
      '--n',
      '2',
      '--command',
      `${process.execPath} -e "console.log(7)"`,
    )
    expect([wrong.code, wrong.stderr]).toEqual([
      2,
      expect.stringContaining(`--command: expected ${process.execPath} to print a number from 0 to 1, got "7".`),
    ])
    const asked = server.requests.length - before
    const again = await label(
      'questions.csv',
      '-o',
      'w.csv',
      '--n',
      '2',
      '--resume',
      '--command',
      `${process.execPath} -e "console.log(7)"`,
    )
    expect(again.code).toBe(2)
    expect([asked, server.requests.length - before]).toEqual([4, 4])
  })
})

test('--max-dollars: what a row costs is learned from the first answers, not guessed on', async () => {
  const { code, stderr } = await label(
    ...['questions.csv', '-o', 'few.csv', '--n', '12', '--reference', 'answer', '--max-dollars', '0.01'],
  )
  expect(code, stderr).toBe(0)
  expect(stderr).toContain('label: 12 of 12 rows, $0.00924.\n')
})

describe('by a judge', () => {
  test('both orders; a judge that prefers the first makes a tie', async () => {
    const before = server.requests.length
    const { code, stderr } = await label('questions.csv', '-o', 'j.csv', '--n', '20', '--judge', 'judge')
    expect(code, stderr).toBe(0)
    const rows = cells('j.csv').slice(1)
    expect(new Set(rows.map(([, category, , strong, weak]) => `${category} ${strong} ${weak}`))).toEqual(
      new Set(['product 1 0', 'sum 0.5 0.5']),
    )
    const products = rows.filter(([, category]) => category === 'product').length
    // Two answers a row; a judge in both orders, but not where the answers are the same text.
    expect(server.requests.length - before).toBe(2 * 20 + 2 * products)
  })

  test('--max-dollars writes what was done, and --resume asks for the rest only', async () => {
    const args = [
      'questions.csv',
      '-o',
      'b.csv',
      '--n',
      '30',
      '--judge',
      'judge',
      '--max-tokens',
      '20',
      '--max-concurrency',
      '2',
    ]
    const before = server.requests.length
    const first = await label(...args, '--max-dollars', '0.01')
    expect(first.stderr).toContain('--max-dollars')
    const done = cells('b.csv').length - 1
    expect(done).toBeGreaterThan(3)
    expect(done).toBeLessThan(20)
    const second = await label(...args, '--resume', '--json')
    expect(second.code, second.stderr).toBe(0)
    expect(JSON.parse(second.stdout)).toMatchObject({ state: 'finished', rows: 30, asked: 30, failed: 0 })
    const products = cells('b.csv').filter(([, category]) => category === 'product').length
    expect(server.requests.length - before).toBe(2 * 30 + 2 * products)
  })
})

test('rows whose verdict cannot be read are told, fail the run, and --resume asks the judge again, not the models', async () => {
  isMumbling = true
  const args = ['questions.csv', '-o', 'm.csv', '--n', '10', '--judge', 'judge', '--seed', '3', '--json']
  const first = await label(...args)
  isMumbling = false
  const sums = cells('m.csv').slice(1)
  expect(new Set(sums.map(([, category]) => category))).toEqual(new Set(['sum']))
  const products = 10 - sums.length
  expect(products).toBeGreaterThan(1)
  expect(first.code).toBe(1)
  expect(first.stderr).toContain(
    `label: ${products} rows left out: the judge's answer was neither A, B nor tie; --resume asks the judge again.\n`,
  )
  expect(JSON.parse(first.stdout)).toMatchObject({ state: 'finished', rows: sums.length, asked: 10, failed: products })
  const before = server.requests.length
  const second = await label(...args, '--resume')
  expect(second.code, second.stderr).toBe(0)
  expect(JSON.parse(second.stdout)).toMatchObject({ state: 'finished', rows: 10, failed: 0 })
  expect(server.requests.slice(before).map(({ body }) => body.model)).toEqual(Array(2 * products).fill('judge'))
  // What the verdicts that could not be read have cost stays counted.
  expect(JSON.parse(second.stdout).spent).toBeGreaterThan(JSON.parse(first.stdout).spent)
})

test('a call that fails leaves its cell empty, is told, and asked again by --resume', async () => {
  failing = request => request.model === 'weak' && promptOf(request).includes('times')
  const args = ['questions.csv', '-o', 'f.csv', '--n', '10', '--reference', 'answer', '--seed', '3']
  const first = await label(...args)
  expect(first.code).toBe(1)
  const rows = cells('f.csv').slice(1)
  expect(rows).toHaveLength(10)
  for (const [, category, , , weak] of rows) expect(weak).toBe(category === 'product' ? '' : '1')
  failing = () => false
  const before = server.requests.length
  const second = await label(...args, '--resume')
  expect(second.code, second.stderr).toBe(0)
  expect(server.requests.length - before).toBe(rows.filter(([, category]) => category === 'product').length)
})

test('what a scorer is trained on: its win rate is the expected score of an answer', async () => {
  await label('questions.csv', '-o', 'o.csv', '--reference', 'answer', '--scorer-file', 'scorer.csv', '--n', '5')
  const text = readFileSync(place('scorer.csv'), 'utf8')
  expect(text.split('\n')[0]).toBe('id,prompt,score:right,score:wrong')
  expect(text).toMatch(
    /What is \d+ \w+ \d+\? Explain, please\.\n\n\[answer\]\nLet me see\. The answer is \d+\.",[01],[01]\n/,
  )
  const args = [
    '--strategy',
    'linear',
    '-o',
    'scorer.safetensors',
    '--strong',
    'right',
    '--weak',
    'wrong',
    '--resamples',
    '20',
  ]
  const all = await label('questions.csv', '-o', 'o.csv', '--reference', 'answer', '--scorer-file', 'scorer.csv')
  expect(all.code).toBe(0)
  const trained = await run('train', 'scorer.csv', ...args)
  expect(trained.code, trained.stderr).toBe(0)
  const cascade = ['--policy', 'cascade', '--policy-option', 'accept=scorer', '--policy-option', 'order=[weak, strong]']
  const call = async (prompt: string) =>
    JSON.parse(
      (
        await run(
          'route',
          '--call',
          '--json',
          prompt,
          ...cascade,
          '--policy-option',
          `checkpoint=${place('scorer.safetensors')}`,
          '--policy-option',
          'threshold=0.6',
        )
      ).stdout,
    )
  expect((await call('What is 31 plus 17? Explain, please.')).answer).toMatchObject({
    model: 'weak',
    text: 'Let me see. The answer is 48.',
  })
  expect((await call('What is 31 times 17? Explain, please.')).answer).toMatchObject({
    model: 'strong',
    text: 'Let me see. The answer is 527.',
  })
})

test.each([
  [
    [],
    'label: expected a way to score answers, got none. Name --reference COLUMN, --command PROGRAM or --judge MODEL.',
  ],
  [
    ['--score', 'exact'],
    '--score exact: expected --reference beside it, got none. Name the column that holds right answers.',
  ],
  [
    ['--score', 'exat', '--reference', 'answer'],
    'Unknown score "exat". Did you mean "exact"? Available: exact, numeric, contains, regex.',
  ],
  [['--judge', 'juge'], 'Unknown model "juge". Did you mean "judge"? Available: strong, weak, judge.'],
  [
    ['--reference', 'anser'],
    '--reference: expected a column of questions.csv, got "anser". Did you mean "answer"? Columns: id, category, prompt, answer.',
  ],
  [
    ['--reference', 'answer', '--models', 'strong'],
    'label: expected two models or more, each once, got strong. Name them with --models a,b, or in llmroute.yaml (llmroute init writes one).',
  ],
])('label %j', async (flags, message) => {
  const { code, stderr } = await label('questions.csv', '-o', 'never.csv', ...flags)
  expect([code, stderr]).toEqual([2, `${message}\n`])
})

test('the key is sent, and shows nowhere', async () => {
  expect(server.requests.every(({ key }) => key === 'Bearer sk-not-to-be-seen')).toBe(true)
  const { stdout, stderr } = await label('questions.csv', '-o', 'k.csv', '--reference', 'answer', '--n', '3', '--json')
  const ledger = readFileSync(place('k.csv.ledger.jsonl'), 'utf8')
  expect(`${stdout}${stderr}${ledger}`).not.toContain('sk-not')
})

test('a reference that the method can make nothing of is told before anything is sent', async () => {
  const before = server.requests.length
  folder.write('bad.csv', 'prompt,right\nWhat is 1 plus 1?,2\nWhat is 2 plus 2?,four (4\n')
  const regex = await label('bad.csv', '-o', 'bad.out.csv', '--reference', 'right', '--score', 'regex')
  expect([regex.code, regex.stderr]).toEqual([2, 'bad.csv:3: expected a regular expression (RE2), got "four (4".\n'])
  folder.write('bad.csv', 'prompt,right\nWhat is 1 plus 1?,two\n')
  const { code, stderr } = await label('bad.csv', '-o', 'bad.out.csv', '--reference', 'right', '--score', 'numeric')
  expect([code, stderr]).toEqual([2, 'bad.csv:2: expected a number, got "two".\n'])
  expect(server.requests.length).toBe(before)
})
