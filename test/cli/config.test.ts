import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCli } from '../helpers/run_cli.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
let folders = 0
const check = async (text: string, options: { args?: readonly string[]; env?: Record<string, string> } = {}) => {
  const cwd = join(folder.path, String(folders++))
  mkdirSync(cwd)
  writeFileSync(join(cwd, 'llmroute.yaml'), text)
  const args = ['config', 'check', '--config', 'llmroute.yaml', ...(options.args ?? [])]
  return runCli(args, { cwd, env: { OPENAI_API_KEY: '', GROQ_API_KEY: '', ...options.env } })
}
const SECRET = 'sk-live-q1w2e3r4t5y6u7i8'
const POOL =
  'models: { big: { provider: openai, name: gpt-x, input_price: 2.5, tools: true }, small: { provider: groq }, idle: }\n'

test('what counts and who says so: flag before environment before file; of a key, whether it is set', async () => {
  const text = `${POOL}pair: { strong: big, weak: small }\nstrategy: length\nthreshold: 0.3\nretry: { first_wait: 2s }\n`
  const { code, stdout, stderr } = await check(text, {
    args: ['--weak', 'idle'],
    env: { OPENAI_API_KEY: SECRET, LLMROUTE_THRESHOLD: '0.6' },
  })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toBe(`llmroute.yaml is good.

setting    value      by
─────────  ─────────  ──────────────────
strategy   length     llmroute.yaml
threshold  0.6        LLMROUTE_THRESHOLD
strong     big        llmroute.yaml
weak       idle       --weak
policy     threshold  default

model  called at                          key                   $/M in  cached  out  context  can
─────  ─────────────────────────────────  ────────────────────  ──────  ──────  ───  ───────  ─────
big    https://api.openai.com/v1 (gpt-x)  OPENAI_API_KEY set       2.5       ?    ?        ?  tools
small  https://api.groq.com/openai/v1     GROQ_API_KEY not set       ?       ?    ?        ?
idle   nowhere                                                       ?       ?    ?        ?

option  value
──────  ──────────────────
retry   {"firstWait":2000}
`)
})

test('threshold: auto is shown, with the share that it holds; a threshold that comes first ends it', async () => {
  const text =
    'models: { big: , small: }\npair: { strong: big, weak: small }\nstrategy: length\nthreshold: auto\nstrong_pct: 0.3\n'
  const shown = async (env = {}) => {
    const { code, stdout } = await check(text, { args: ['--json'], env })
    const { settings, options } = JSON.parse(stdout)
    return { code, settings: settings.slice(0, 3), options }
  }
  const strategy = { key: 'strategy', value: 'length', from: 'llmroute.yaml' }
  expect(await shown()).toEqual({
    code: 0,
    settings: [
      strategy,
      { key: 'threshold', value: 'auto', from: 'llmroute.yaml' },
      { key: 'strong_pct', value: 0.3, from: 'llmroute.yaml' },
    ],
    options: {},
  })
  expect((await shown({ LLMROUTE_STRONG_PCT: '0.2' })).settings.slice(1)).toEqual([
    { key: 'threshold', value: 'auto', from: 'llmroute.yaml' },
    { key: 'strong_pct', value: 0.2, from: 'LLMROUTE_STRONG_PCT' },
  ])
  expect((await shown({ LLMROUTE_THRESHOLD: '0.6' })).settings[1]).toEqual({
    ...{ key: 'threshold', value: 0.6, from: 'LLMROUTE_THRESHOLD' },
  })
})

test('--json says the same, and nothing of keys and headers but their names', async () => {
  const text = `models: { big: { provider: openai, headers: { x-team: crimson } }, small: }\npolicy: ab\nab: { split: { big: 1 } }\n`
  const { code, stdout } = await check(text, { args: ['--json'], env: { OPENAI_API_KEY: SECRET } })
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toEqual({
    version: 1,
    file: 'llmroute.yaml',
    isValid: true,
    problems: [],
    warnings: [],
    settings: [{ key: 'policy', value: 'ab', from: 'llmroute.yaml' }],
    models: [
      {
        id: 'big',
        endpoint: {
          baseUrl: 'https://api.openai.com/v1',
          name: 'big',
          api: 'openai',
          query: {},
          headers: ['x-team'],
          key: { variable: 'OPENAI_API_KEY', isSet: true },
        },
      },
      { id: 'small' },
    ],
    options: { policyOptions: { ab: { split: { big: 1 } } } },
  })
  for (let i = 0; i + 4 <= SECRET.length; i++) expect(stdout).not.toContain(SECRET.slice(i, i + 4))
  expect(stdout).not.toContain('crimson')
})

test('keys with a budget, and models that count nothing against it: told', async () => {
  const told =
    'answers of small, in_only count nothing against daily_budget: give both input_price and output_price, 0 for what is free'
  const models = 'models:\n  big: { provider: openai, input_price: 2, output_price: 8 }\n  idle: \n'
  const unpriced = '  small: { provider: groq }\n  in_only: { provider: openai, input_price: 1 }\n'
  const keys = (rest: string) => `serve: { keys: [{ name: a, sha256: '${'0'.repeat(64)}' ${rest}}] }\n`
  const warnings = async (text: string) =>
    JSON.parse((await check(`${text}policy: round_robin\n`, { args: ['--json'] })).stdout).warnings
  expect(await warnings(models + unpriced + keys(', daily_budget: 5'))).toEqual([told])
  expect(await warnings(models + keys(', daily_budget: 5'))).toEqual([])
  expect(await warnings(models + unpriced + keys(''))).toEqual([])
})

test('a pair that is not among models: told, since nothing could be called', async () => {
  const told =
    'the pair gpt-4-1106-preview, mixtral-8x7b-instruct of the checkpoint is not among models: name yours with pair: { strong, weak }'
  const { code, stdout } = await check(POOL)
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^llmroute\.yaml is good\.\nWarning: the pair /)])
  expect(stdout).toContain(`Warning: ${told}.\n`)
  const warnings = async (text: string, ...args: string[]) =>
    JSON.parse((await check(text, { args: ['--json', ...args] })).stdout).warnings
  expect(await warnings(POOL)).toEqual([told])
  expect(await warnings(`${POOL}strategy: length\n`, '--strong', 'big')).toEqual([
    'the model weak of strategy length is not among models: name yours with pair: { strong, weak }',
  ])
  expect(await warnings(`${POOL}pair: { strong: big, weak: small }\n`)).toEqual([])
  expect(await warnings(`${POOL}policy: round_robin\n`)).toEqual([])
  expect(await warnings('strong_pct: 0.4\n')).toEqual([])
})

test('every problem is told, with exit code 2', async () => {
  const text = 'modls: {}\nstrategy: mff\nretry: { attempts: 0 }\n'
  const { code, stdout, stderr } = await check(text)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr.split('\n').map(line => line.slice(0, 60))).toEqual(
    [
      'llmroute.yaml:1:1: unknown key "modls". Did you mean "models"',
      'llmroute.yaml:2:11: strategy: expected one of random, length,',
      'llmroute.yaml:3:20: retry.attempts: expected a whole number fr',
      '',
    ].map(line => line.slice(0, 60)),
  )
  const json = await check(text, { args: ['--json'] })
  expect(json).toMatchObject({ code: 2, stderr: '' })
  expect(JSON.parse(json.stdout)).toMatchObject({
    isValid: false,
    problems: [
      { file: 'llmroute.yaml', line: 1, column: 1 },
      { line: 2, column: 11 },
      { line: 3, column: 20, message: 'llmroute.yaml:3:20: retry.attempts: expected a whole number from 1 up, got 0.' },
    ],
    settings: [],
    models: [],
  })
})

test('options of a policy have to fit the models, also where another policy is chosen', async () => {
  const { code, stderr } = await check(`${POOL}policy: round_robin\nab: { split: { bigg: 1 } }\n`)
  expect(code).toBe(2)
  expect(stderr).toMatch(/bigg.*Did you mean "big"\?/)
})

test('what a policy finds wrong when it is made has a place in the file, and is told once', async () => {
  const text = `models: { a: , b: }
policy: chain
chain: { order: [rules, static] }
rules:
  - { when: { user: x }, model: a }
  - { when: { field: user }, model: z }
static:
  tasks: { code: zz }
content: { rules: [{ task: code, use: strong }] }
`
  const { code, stderr } = await check(text)
  expect(code).toBe(2)
  expect(
    stderr
      .replace(/Available: user.*/, '…')
      .trimEnd()
      .split('\n'),
  ).toEqual([
    'llmroute.yaml:6:22: policy rules: rule 2: when.field: unknown field "field". …',
    'llmroute.yaml:8:18: policy static: tasks.code: Unknown model "zz". Available: a, b.',
    'llmroute.yaml:9:20: policy content: rule 1: expected a pair for use: strong, got none. Name it in llmroute.yaml (pair).',
  ])
  const flagged = await check('models: { a: , b: }\nab: { split: { a: 1 } }\n', {
    args: ['--policy', 'ab', '--policy-option', 'split={c: 1}'],
  })
  expect(flagged.stderr).toMatch(/^policy ab: .*Unknown model "c"/)
  expect(flagged.stderr.trimEnd()).not.toContain('\n')
})

test('the table has weight, output_tokens and profile where a model has them', async () => {
  const { stdout } = await check(
    'models: { a: { weight: 2, profile: { speed: 1, accuracy: 0.5 } }, b: { output_tokens: 300 } }\npolicy: round_robin\n',
  )
  const table = stdout.split('\n\n')[2]!
  expect(
    table
      .trimEnd()
      .split('\n')
      .map(line => line.trimEnd()),
  ).toEqual([
    expect.stringMatching(/can +weight +output_tokens +profile$/),
    expect.stringMatching(/^─/),
    expect.stringMatching(/^a .* 2 +speed 1, accuracy 0\.5$/),
    expect.stringMatching(/^b .* 300$/),
  ])
})

test('weights that are not there are a problem', async () => {
  const { code, stderr } = await check('checkpoint: nowhere.safetensors\n')
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: expect.stringMatching(/nowhere\.safetensors: expected .*got no such file\./),
  })
})

test('a pasted key is refused by route as well, and never shown', async () => {
  const cwd = join(folder.path, 'pasted')
  mkdirSync(cwd)
  writeFileSync(join(cwd, 'llmroute.yaml'), `models:\n  big: { provider: openai, api_key: ${SECRET} }\n`)
  for (const args of [
    ['route', 'hi'],
    ['config', 'check'],
    ['config', 'check', '--json'],
  ]) {
    const { code, stdout, stderr } = await runCli(args, { cwd })
    expect(code).toBe(2)
    expect(stdout + stderr).toMatch(/llmroute\.yaml:2:\d+: /)
    for (let i = 0; i + 6 <= SECRET.length; i++) expect(stdout + stderr).not.toContain(SECRET.slice(i, i + 6))
  }
})

test('found upwards; a missing one and a wrong action are said', async () => {
  const cwd = join(folder.path, 'found')
  mkdirSync(join(cwd, 'a/b'), { recursive: true })
  writeFileSync(join(cwd, 'llmroute.yaml'), 'strategy: length\nthreshold: 0.5\n')
  expect((await runCli(['config', 'check'], { cwd: join(cwd, 'a/b') })).stdout).toMatch(
    /^\.\.\/\.\.\/llmroute\.yaml is good\.\n/,
  )
  expect(await runCli(['config', 'check', '--config', 'none.yaml'], { cwd })).toMatchObject({
    code: 2,
    stderr: '--config: expected a file, got none at none.yaml.\n',
  })
  expect(await runCli(['config', 'chek'], { cwd })).toMatchObject({
    code: 2,
    stderr: 'Unknown action "chek". Did you mean "check"? Available: check.\n',
  })
  expect(await runCli(['config', 'check'], { cwd: '/' })).toMatchObject({
    code: 2,
    stderr: 'llmroute.yaml: expected one here or in a folder above, got none. llmroute init writes one.\n',
  })
})

test('the JSON Schema lies where init says', async () => {
  const cwd = join(folder.path, 'schema')
  mkdirSync(cwd)
  await runCli(['init'], { cwd })
  const path = /\$schema=(.*)\n/.exec(readFileSync(join(cwd, 'llmroute.yaml'), 'utf8'))![1]!
  expect(JSON.parse(readFileSync(path, 'utf8')).title).toBe('llmroute.yaml')
})

test('a shadow policy is tried out like the policy itself', async () => {
  const file = folder.write('shadow.yaml', 'models: { a: , b: }\npolicy: round_robin\nserve: { shadow: rules }\n')
  const { code, stderr } = await runCli(['config', 'check', '--config', file])
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^policy rules: expected rules, got none/)])
})
