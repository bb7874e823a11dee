import { execFileSync } from 'node:child_process'
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { shippedCheckpoint } from '../../src/io/catalog.ts'
import { strategies } from '../../src/strategies/registry.ts'
import { binary, runCli } from '../helpers/run_cli.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const cwd = folder.path
const PROMPT = 'Prove that the square root of 2 is irrational'
const route = (...args: string[]) => runCli(['route', ...args], { cwd })

test('prints the id of a model and nothing else', async () => {
  const { code, stdout, stderr } = await route(PROMPT)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(['gpt-4-1106-preview\n', 'mixtral-8x7b-instruct\n']).toContain(stdout)
})

test('the prompt may come from standard input, whole', async () => {
  const direct = await route('--json', 'two\nlines')
  const piped = await runCli(['route', '--json'], { cwd, input: 'two\nlines\n' })
  expect(piped).toEqual(direct)
})

test('--json is a Decision', async () => {
  const decision = JSON.parse(
    (await route(PROMPT, '--json', '--strong', 'a', '--weak', 'b', '--threshold', '0')).stdout,
  )
  expect(decision).toEqual({
    model: 'a',
    models: ['a'],
    plan: 'single',
    policy: 'threshold',
    strategy: 'blend',
    winRate: expect.any(Number),
    threshold: 0,
    alternatives: [{ model: 'b' }],
  })
})

test('threshold Infinity sends all to weak, and is null in JSON', async () => {
  const { stdout } = await route(PROMPT, '--threshold', 'Infinity', '--json')
  expect(JSON.parse(stdout)).toMatchObject({ model: 'mixtral-8x7b-instruct', threshold: null })
})

test('--strong-pct: a larger share has a lower threshold; 0 and 100 % are all weak and all strong', async () => {
  const thresholdAt = async (share: string) => JSON.parse((await route(PROMPT, '--json', '-p', share)).stdout).threshold
  expect(await thresholdAt('20%')).toBeGreaterThan(await thresholdAt('0.6'))
  expect((await route(PROMPT, '-p', '0')).stdout).toBe('mixtral-8x7b-instruct\n')
  expect((await route(PROMPT, '-p', '100%')).stdout).toBe('gpt-4-1106-preview\n')
})

test('--explain says after the id what moved the decision', async () => {
  const [model, head, ...reasons] = (await route(PROMPT, '--explain')).stdout.trimEnd().split('\n')
  expect(head).toMatch(
    new RegExp(`^blend: win rate 0\\.\\d{4} (>=|<) threshold 0\\.\\d{4}: ${model}, not (gpt-4|mixtral)`),
  )
  expect(reasons.length).toBeGreaterThan(3)
  for (const reason of reasons) expect(reason).toMatch(/^ {2}[+-]\d\.\d{4} {2}feature /)
  const { reasons: inJson } = JSON.parse((await route(PROMPT, '--explain', '--json')).stdout)
  expect(inJson).toHaveLength(reasons.length)
})

test.each(['random', 'length'])('%s needs no weights', async id => {
  expect(JSON.parse((await route(PROMPT, '-s', id, '--json', '--seed', '3')).stdout)).toMatchObject({
    strategy: id,
    threshold: 0.5,
  })
})

test('a configured checkpoint that --strategy passes over: said on standard error by route, batch and calibrate', async () => {
  const own = join(cwd, 'own.safetensors')
  copyFileSync(shippedCheckpoint('linear')!, own)
  const env = { LLMROUTE_CHECKPOINT: own }
  const note = `The configured checkpoint ${own} does not count, since a strategy was named over it: mf uses the shipped `
  for (const args of [
    ['route', 'hi'],
    ['batch', '-'],
    ['calibrate', '-p', '0.5'],
  ]) {
    const { code, stderr } = await runCli([...args, '-s', 'mf'], { cwd, env, input: 'hi\n' })
    expect(code).toBe(0)
    expect(stderr.startsWith(note), args[0]).toBe(true)
  }
  expect((await runCli(['route', 'hi', '-s', 'length'], { cwd, env })).stderr).toBe('')
})

test.each([
  [
    ['-s', 'lienar'],
    `Unknown strategy "lienar". Did you mean "linear"? Available: ${Object.keys(strategies).join(', ')}.`,
  ],
  [['-s', 'constructor'], `Unknown strategy "constructor". Available: ${Object.keys(strategies).join(', ')}.`],
  [['--threshold', 'NaN'], '--threshold: expected a number, got "NaN".'],
  [['--threshold', ''], '--threshold: expected a number, got "".'],
  [['--strong-pct', '3'], '--strong-pct: expected a share from 0 to 1 or a percentage such as 30%, got "3".'],
  [['--strong-pct', '101%'], '--strong-pct: expected a share from 0 to 1 or a percentage such as 30%, got "101%".'],
  [['-p', '0.5', '-t', '0.5'], '--threshold and --strong-pct: expected one of them, got both. Leave one out.'],
  [['--strong', 'a', '--weak', 'a'], '--strong and --weak: expected two models, got a twice.'],
  [['--seed', '-1'], '--seed: expected a whole number from 0 up, got "-1".'],
  [
    ['-c', 'none.safetensors'],
    'none.safetensors: expected a checkpoint file, got no such file. llmroute list checkpoints shows the shipped ones.',
  ],
  [['--config', 'none.yaml'], '--config: expected a file, got none at none.yaml.'],
  [
    ['-s', 'length', '-p', '0.3'],
    '--strong-pct: expected a strategy with stored win-rate quantiles, got length. Use --threshold, or llmroute calibrate --strategy length --data your_prompts.csv.',
  ],
])('%j exits 2', async (args, message) => {
  expect(await route(...args, PROMPT)).toEqual({ code: 2, stdout: '', stderr: `${message}\n` })
})

test('a checkpoint of another strategy is refused by name', async () => {
  const file = join(cwd, 'mine.safetensors')
  copyFileSync(shippedCheckpoint('linear')!, file)
  expect((await route('-c', file, PROMPT)).code).toBe(0)
  expect(await route('-c', file, '-s', 'mf', PROMPT)).toEqual({
    code: 2,
    stdout: '',
    stderr: `${file}: expected a checkpoint of mf, got one of linear. Leave out --strategy or name another file.\n`,
  })
})

test('flag before environment before llmroute.yaml before checkpoint', async () => {
  const yaml = join(cwd, 'llmroute.yaml')
  writeFileSync(yaml, 'models: {big: , small: , other: }\npair: { strong: big, weak: small }\nthreshold: 0\n')
  const env = { LLMROUTE_STRONG: 'other' }
  expect((await route(PROMPT)).stdout).toBe('big\n')
  expect((await runCli(['route', PROMPT], { cwd, env })).stdout).toBe('other\n')
  expect((await runCli(['route', PROMPT, '--strong', 'big'], { cwd, env })).stdout).toBe('big\n')
  expect((await route(PROMPT, '-t', 'Infinity')).stdout).toBe('small\n')
  expect(await route(PROMPT, '--strong', 'bigg')).toEqual({
    code: 2,
    stdout: '',
    stderr: 'Unknown model "bigg". Did you mean "big"? Available: big, small, other.\n',
  })
  writeFileSync(yaml, '')
})

test('a reader that goes away is no failure', () => {
  const script = `set -o pipefail; "${process.execPath}" "${binary}" route --explain "${PROMPT}" | true`
  execFileSync('bash', ['-c', script], { cwd })
})

test.each([
  ['an empty prompt', ''],
  ['one emoji', '🙂'],
  ['a line of NULs and controls', '\u0001\u0002'],
])('%s is legal', async (_, prompt) => {
  expect(await route(prompt)).toMatchObject({ code: 0, stderr: '' })
})
