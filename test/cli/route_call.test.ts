import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  type AnsweringServer,
  type ChatRequest,
  promptOf,
  type Reply,
  startAnsweringServer,
} from '../helpers/answering_server.ts'
import { runCli } from '../helpers/run_cli.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const KEY = 'sk-route-call-secret'
const folder = temporaryFolder()
let server: AnsweringServer
let answer: (request: ChatRequest, count: number) => Reply | string = usual
const route = (...args: string[]) => runCli(['route', ...args], { cwd: folder.path, env: { CALL_KEY: KEY } })

function usual({ model }: ChatRequest): Reply {
  return { text: `${model} says hello to you`, usage: { prompt_tokens: 100, completion_tokens: 50 } }
}

beforeAll(async () => {
  server = await startAnsweringServer((request, count) => answer(request, count))
  const endpoint = `base_url: ${server.url}, api_key_env: CALL_KEY`
  folder.write(
    'llmroute.yaml',
    `models:
  big: { ${endpoint}, name: provider/big, input_price: 10, output_price: 30 }
  small: { ${endpoint}, input_price: 1, output_price: 3 }
  unpriced: { ${endpoint} }
pair: { strong: big, weak: small }
strategy: length
threshold: 0.5
retry: { attempts: 2, first_wait: 0.001 }
`,
  )
})
afterAll(() => server.close())
afterEach(() => {
  answer = usual
  server.requests.length = 0
})

describe('one model', () => {
  test('the answer on standard output, streamed; what it took on standard error', async () => {
    const { code, stdout, stderr } = await route(
      '--call',
      'hi',
      '--system',
      'Be kind.',
      '--max-tokens',
      '60',
      '--temperature',
      '0',
    )
    expect([code, stdout]).toEqual([0, 'small says hello to you\n'])
    expect(stderr).toMatch(/^small: 100 \+ 50 tokens, \$0\.00025, \d+ ms\n$/)
    expect(server.requests).toHaveLength(1)
    expect(server.requests[0]).toMatchObject({
      key: `Bearer ${KEY}`,
      body: {
        model: 'small',
        stream: true,
        max_tokens: 60,
        temperature: 0,
        messages: [
          { role: 'system', content: 'Be kind.' },
          { role: 'user', content: 'hi' },
        ],
      },
    })
  })

  test('--json: the Decision with the answer', async () => {
    const { code, stdout, stderr } = await route('--call', '--json', 'x'.repeat(400))
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ model: 'big', plan: 'single', policy: 'threshold', strategy: 'length', threshold: 0.5 },
      answer: {
        ...{
          model: 'big',
          text: 'provider/big says hello to you',
          finishReason: 'stop',
          cost: 0.0025,
          isCached: false,
        },
        usage: { inputTokens: 100, outputTokens: 50, isEstimated: false },
        attempts: [{ model: 'big', status: 200 }],
      },
    })
  })

  test('a price that is not known is said, and null', async () => {
    const args = ['--call', 'hi', '--policy', 'round_robin', '--models', 'unpriced']
    expect((await route(...args)).stderr).toContain('price not known')
    expect(JSON.parse((await route(...args, '--json')).stdout).answer.cost).toBeNull()
  })

  test('a failure is retried, then the fallback is asked, and both are told', async () => {
    answer = request => (request.model === 'small' ? { status: 503 } : usual(request))
    const { code, stdout, stderr } = await route('--call', 'hi', '--fallback', 'big')
    expect([code, stdout]).toEqual([0, 'provider/big says hello to you\n'])
    expect(stderr).toMatch(/^big: 100 \+ 50 tokens, .*\n( {2}small: .*503.*\n){2}$/)
  })

  test('no answer: exit code 3, and a message without key or prompt', async () => {
    answer = () => ({ status: 500 })
    const { code, stdout, stderr } = await route('--call', 'a very secret prompt')
    expect([code, stdout]).toEqual([3, ''])
    expect(stderr).toContain('500')
    expect(stderr).not.toMatch(/secret/)
    expect(server.requests).toHaveLength(2)
  })

  test('--timeout ends an attempt', async () => {
    answer = request => ({ ...usual(request), delay: 5000 })
    const started = Date.now()
    const { code, stderr } = await route('--call', 'hi', '--timeout', '100ms', '--retries', '0')
    expect([code, Date.now() - started < 4000]).toEqual([3, true])
    expect(stderr).toContain('100 ms')
  })

  test('--cache FOLDER: the second time nothing is sent', async () => {
    const args = ['--call', 'hi', '--json', '--cache', join(folder.path, 'cache')]
    const [first, second] = [await route(...args), await route(...args)].map(({ stdout }) => JSON.parse(stdout).answer)
    expect([first.isCached, second.isCached, second.text]).toEqual([false, true, 'small says hello to you'])
    expect(server.requests).toHaveLength(1)
  })

  test('--log holds the decision with what came of it', async () => {
    await route('--call', 'hi', '--log', 'log.jsonl')
    const line = JSON.parse(readFileSync(join(folder.path, 'log.jsonl'), 'utf8'))
    expect(line).toMatchObject({
      model: 'small',
      answer: { model: 'small', inputTokens: 100, outputTokens: 50, cost: 0.00025 },
    })
    expect(line.prompt).toBeUndefined()
  })
})

describe('--dry-run', () => {
  test('says what would go where, and sends nothing', async () => {
    const { code, stdout } = await route('--call', '--dry-run', 'hi', '--fallback', 'big', '--max-tokens', '9')
    expect(code).toBe(0)
    expect(stdout).toBe(
      `chosen small
  POST ${server.url}/chat/completions
  key from CALL_KEY (set)
  {"max_tokens":9,"messages":[{"role":"user","content":"hi"}],"model":"small","stream":true,"stream_options":{"include_usage":true}}
fallback big
  POST ${server.url}/chat/completions
  key from CALL_KEY (set)
  {"max_tokens":9,"messages":[{"role":"user","content":"hi"}],"model":"provider/big","stream":true,"stream_options":{"include_usage":true}}
Nothing was sent.
`,
    )
    expect(server.requests).toEqual([])
  })

  test('--json, and a key that is not set', async () => {
    const { stdout } = await runCli(['route', '--dry-run', '--json', 'hi'], {
      cwd: folder.path,
      env: { CALL_KEY: '' },
    })
    expect(JSON.parse(stdout)).toMatchObject({
      model: 'small',
      requests: [
        { role: 'chosen', url: `${server.url}/chat/completions`, key: { variable: 'CALL_KEY', isSet: false } },
      ],
    })
  })
})

describe('several models', () => {
  test('--ensemble: the majority, and who failed', async () => {
    answer = request => {
      if (request.model === 'unpriced') return { status: 500 }
      return { text: request.model === 'small' ? 'It is 7.' : 'The answer is 7.' }
    }
    const { code, stdout, stderr } = await route('--call', 'hi', '--ensemble', 'small,big,unpriced', '--retries', '0')
    expect(code).toBe(0)
    expect(stdout).toMatch(/7/)
    expect(stderr).toContain('\n  unpriced: status 500\n')
    expect(server.requests.map(({ body }) => body.model).sort()).toEqual(['provider/big', 'small', 'unpriced'])
  })

  test('concatenation names all whose answers it holds', async () => {
    answer = request => (request.model === 'unpriced' ? { status: 500 } : usual(request))
    const options = ['--policy-option', 'merge=concatenate', '--retries', '0']
    const { code, stderr } = await route('--call', 'hi', '--ensemble', 'small,big,unpriced', ...options)
    expect(code, stderr).toBe(0)
    expect(stderr).toMatch(/^small, big: 200 \+ 100 tokens, \$0\.00275, \d+ ms, all 2, one after another\n/)
  })

  test('where all fail each is named once', async () => {
    answer = () => ({ status: 500 })
    const { code, stderr } = await route('--call', 'hi', '--ensemble', 'small,big', '--retries', '1')
    expect(code).toBe(3)
    expect(stderr).toBe(
      'ensemble: expected 1 answer or more, got 0: small: status 500 (2 attempts); big: status 500 (2 attempts). Try again later, or name other models.\n',
    )
  })

  test('majority by what answers come to', async () => {
    answer = ({ model }) => ({
      text: { small: 'So 1,000.', unpriced: '**Answer:** 1000.0' }[model] ?? 'It is 9, surely',
    })
    const { stdout } = await route('--call', '--json', 'hi', '--ensemble', 'big,small,unpriced')
    const { answer: merged } = JSON.parse(stdout)
    expect(merged).toMatchObject({ how: expect.stringMatching(/^majority, \d of 3$/), cost: null })
    expect(merged.calls).toHaveLength(3)
  })

  test('cascade: a judge sends the first answer on', async () => {
    answer = request => {
      if (!request.messages.some(({ content }) => content.includes('rate an answer'))) return usual(request)
      return promptOf(request).includes('small says') ? '[[2]]' : '[[9]]'
    }
    const options = [
      '--policy-option',
      'accept=judge',
      '--policy-option',
      'judge=unpriced',
      '--policy-option',
      'order=[small, big]',
    ]
    const { stdout } = await route('--call', '--json', 'hi', '--policy', 'cascade', ...options)
    const { answer: taken } = JSON.parse(stdout)
    expect(taken).toMatchObject({ model: 'big', how: 'the last of 2' })
    expect(taken.calls.map(({ model, purpose, score }: Record<string, unknown>) => [model, purpose, score])).toEqual([
      ['small', 'answer', 0.2],
      ['unpriced', 'judge', undefined],
      ['big', 'answer', undefined],
    ])
  })
})

test.each([
  [
    'a price that is not known, at the decision',
    ['--models', 'unpriced', '--policy-option', 'max_cost=0'],
    'policy cascade: no model is known to stay within max_cost. Raise it, add a cheaper model, or give prices and output_tokens.\n',
  ],
  [
    'the request as it is sent, before the call',
    ['--models', 'small', '--max-tokens', '1', '--system', 'x'.repeat(4000), '--policy-option', 'max_cost=0.0001'],
    'cascade: expected max_cost to allow one try, got $0.0001: small: expected $0.00102 after $0, over max_cost $0.0001. Raise max_cost.\n',
  ],
])('cascade: max_cost refuses %s: a mistake of the options, and nothing is sent', async (_, args, message) => {
  const { code, stdout, stderr } = await route('--call', 'hi', '--policy', 'cascade', ...args)
  expect([code, stdout, server.requests]).toEqual([2, '', []])
  expect(stderr).toContain(message)
})

test.each([
  [['hi', '--max-tokens', '5'], '--max-tokens: expected --call beside it, got none. Nothing is called without it.'],
  [['hi', '--cache'], '--cache: expected --call beside it, got none. Nothing is called without it.'],
  [['hi', '--call', '--fallback', 'bog'], 'Unknown model "bog". Did you mean "big"? Available: big, small, unpriced.'],
  [['hi', '--call', '--timeout', '0'], '--timeout: expected a time such as 500ms, 30s or 5m, or seconds, got "0".'],
  [
    ['hi', '--call', '--ensemble', 'big', '--policy', 'ab'],
    '--ensemble: expected no other policy, got --policy ab. Leave one out.',
  ],
])('route %j', async (args, message) => {
  const { code, stderr } = await route(...args)
  expect([code, stderr]).toEqual([2, `${message}\n`])
})

test('a key that is not set is asked for by the name of its variable', async () => {
  const { code, stderr } = await runCli(['route', '--call', 'hi'], { cwd: folder.path, env: { CALL_KEY: '' } })
  expect([code, stderr]).toEqual([
    2,
    'Model small: expected a key in the environment variable CALL_KEY, got none. Set it.\n',
  ])
})

test('a pair that is not among models is told as config check does, and nothing is sent', async () => {
  folder.write('no_pair.yaml', `models: { big: { base_url: ${server.url} }, small: { base_url: ${server.url} } }\n`)
  const { code, stdout, stderr } = await route('--call', 'hi', '--config', 'no_pair.yaml')
  expect([code, stdout, stderr]).toEqual([
    2,
    '',
    '--call: the pair gpt-4-1106-preview, mixtral-8x7b-instruct of the checkpoint is not among models: name yours with pair: { strong, weak }.\n',
  ])
  expect(server.requests).toHaveLength(0)
})
