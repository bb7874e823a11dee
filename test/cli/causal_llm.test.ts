import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { openCausalModel } from '../../src/io/causal_model.ts'
import { startChatServer } from '../helpers/chat_server.ts'
import { runCli } from '../helpers/run_cli.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const TINY = join(process.cwd(), 'test/fixtures/tiny_causal')
const KEY = 'sk-do-not-print-me'
const env = { LLMROUTE_ENDPOINT_KEY: KEY, OPENAI_API_KEY: 'sk-of-another-host' }
const server = await startChatServer(await openCausalModel(TINY))
afterAll(() => server.close())
beforeEach(() => {
  server.requests.length = 0
})
const folder = temporaryFolder()

const HOW = `Name an endpoint and its model, as
--checkpoint http://localhost:11434/v1#llama3.2, or a folder with an ONNX model, as checkpoints/recipes/smollm2 makes one.
`

test.each([
  [['route', 'hi'], 'expected --checkpoint, since none is shipped.'],
  [['eval', 'sample', '--strategies'], 'expected --checkpoint, since none is shipped.'],
  [
    ['eval', 'sample', '--cv', '2', '--strategies'],
    'expected one that llmroute trains, got one whose weights are made elsewhere.',
  ],
  [['train', 'sample'], 'expected one that llmroute trains, got one whose weights are made elsewhere.'],
])('%j with no model at hand says in two lines how to get one', async (args, expected) => {
  const named = args.at(-1) === '--strategies' ? ['causal_llm'] : ['--strategy', 'causal_llm']
  const { code, stdout, stderr } = await runCli([...args, ...named])
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toBe(`strategy causal_llm: ${expected} ${HOW}`)
})

test('route and batch over a folder and over an endpoint agree; the key goes to the endpoint and into no output', async () => {
  const input = '{"prompt": "Prove it."}\n{"prompt": "2 + 2"}\n{"prompt": ""}\n{"prompt": "2 + 2"}\n'
  const outputs = []
  for (const checkpoint of [TINY, server.address]) {
    const flags = ['--checkpoint', checkpoint, '--threshold', '0.5', '--strong', 'big', '--weak', 'small']
    const routed = await runCli(['route', 'Prove it.', ...flags, '--json'], { env })
    const batch = await runCli(['batch', '-', '--format', 'jsonl', ...flags], { env, input })
    for (const { code, stdout, stderr } of [routed, batch]) {
      expect(stderr).not.toContain('expected')
      expect(code).toBe(0)
      expect(stdout + stderr).not.toMatch(/sk-/)
    }
    const rows = batch.stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(rows).toHaveLength(4)
    const { winRate, strategy } = JSON.parse(routed.stdout)
    expect(strategy).toBe('causal_llm')
    outputs.push([winRate, ...rows.map(row => row.win_rate)].map(value => Number(value).toFixed(5)))
  }
  expect(outputs[1]).toEqual(outputs[0])
  expect(new Set(server.requests.map(({ key }) => key))).toEqual(new Set([`Bearer ${KEY}`]))
})

test('eval measures it beside the baselines', async () => {
  const { code, stdout, stderr } = await runCli(['eval', 'sample', '--checkpoint', server.address, '--csv'], { env })
  expect(code).toBe(0)
  expect(stdout.split('\n').map(line => line.split(',')[0])).toEqual(
    expect.arrayContaining(['causal_llm', 'random', 'length']),
  )
  expect(stdout + stderr).not.toMatch(/sk-/)
})

test('an endpoint in llmroute.yaml stays one when calibrate --save writes beside it', async () => {
  const config = folder.write('llmroute.yaml', `checkpoint: ${server.address}\n`)
  folder.write('prompts.csv', `prompt\n${Array.from({ length: 20 }, (_, i) => `question ${i}`).join('\n')}\n`)
  const data = ['--strong-pct', '50%', '--data', 'prompts.csv', '--save']
  const { code, stderr } = await runCli(['calibrate', ...data], { cwd: folder.path, env })
  expect(stderr).toContain('Saved')
  expect(code).toBe(0)
  expect(readFileSync(config, 'utf8')).toContain(`checkpoint: ${server.address}\n`)
  const routed = await runCli(['route', 'question 3'], { cwd: folder.path, env })
  expect(routed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^(strong|weak)\n$/) })
})

test('without a threshold, imported models say how to find one', async () => {
  const { code, stderr } = await runCli(['route', 'hi', '--checkpoint', TINY])
  expect(code).toBe(2)
  expect(stderr).toMatch(/expected --threshold, since these weights come without win-rate quantiles/)
})

test('an endpoint that fails: exit code 3, neither prompt nor key', async () => {
  server.failures.push({ status: 403 })
  const args = ['route', 'do not print me', '--checkpoint', server.address, '--threshold', '0.5']
  const { code, stdout, stderr } = await runCli(args, { env })
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
  expect(stderr).toBe(
    `${new URL(server.address).host}: expected an answer in JSON, got status 403. Set LLMROUTE_ENDPOINT_KEY to a key that this host accepts.\n`,
  )
})
