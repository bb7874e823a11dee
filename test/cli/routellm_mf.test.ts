import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hash32 } from '../../src/text/hash.ts'
import type { Tensor } from '../../src/types.ts'
import { type EmbeddingsServer, startEmbeddingsServer } from '../helpers/embeddings_server.ts'
import { routeLlmFile, routeLlmTensors } from '../helpers/routellm_mf.ts'
import { runCli } from '../helpers/run_cli.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const cwd = folder.path
folder.write('model.safetensors', routeLlmFile())
let server: EmbeddingsServer
beforeAll(async () => {
  server = await startEmbeddingsServer(1536)
})
afterAll(() => server.close())

const PROMPTS = ['Prove that e is irrational', 'hello there', 'Wie spät ist es?']
const run = (...args: string[]) =>
  runCli(args, { cwd, env: { OPENAI_BASE_URL: server.url, XDG_CACHE_HOME: join(cwd, 'cache') } })
const decisionOf = async (...args: string[]) => {
  const { code, stdout, stderr } = await run('route', PROMPTS[0]!, '--json', ...args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

test('routes its own pair, and any other two of its 64 models', async () => {
  const own = await decisionOf('-c', 'model.safetensors', '--threshold', '-Infinity')
  expect(own).toMatchObject({
    strategy: 'mf',
    model: 'gpt-4-1106-preview',
    alternatives: [{ model: 'mixtral-8x7b-instruct-v0.1' }],
  })
  const pair = ['--strong', 'mixtral-8x7b-instruct-v0.1', '--weak', 'gpt-4-1106-preview']
  const back = await decisionOf('-c', 'model.safetensors', '--threshold', '-Infinity', ...pair)
  expect(back.winRate).toBeCloseTo(1 - own.winRate, 6)
  const other = await decisionOf('-c', 'model.safetensors', '--threshold', '-Infinity', '--strong', 'zephyr-7b-beta')
  expect(Math.abs(other.winRate - own.winRate)).toBeGreaterThan(1e-3)
})

test('without a threshold: says that there are no quantiles, and how to find one; calibrate finds it', async () => {
  const missing =
    'model.safetensors: expected --threshold, since these weights come without win-rate quantiles. Find one for your prompts: llmroute calibrate --checkpoint model.safetensors --strong-pct 30% --data YOUR_PROMPTS.\n'
  expect(await run('route', 'hi', '-c', 'model.safetensors')).toEqual({ code: 2, stdout: '', stderr: missing })
  folder.write('prompts.txt', `${PROMPTS.join('\n')}\n`)
  const batch = await run('batch', 'prompts.txt', '-c', 'model.safetensors', '--strong-pct', '0.5')
  expect({ code: batch.code, stderr: batch.stderr }).toEqual({ code: 2, stderr: missing })

  const stored = await run('calibrate', '-c', 'model.safetensors', '--strong-pct', '0.34')
  expect(stored.stderr).toBe('--data: expected your prompts, since mf keeps no win rates of its own, got none.\n')
  const asked = ['-c', 'model.safetensors', '--strong-pct', '0.34', '--data', 'prompts.txt', '--json']
  const [target] = JSON.parse((await run('calibrate', ...asked)).stdout).targets
  const routed = await run('batch', 'prompts.txt', '-c', 'model.safetensors', '--threshold', String(target.threshold))
  expect(routed.code).toBe(0)
  expect(routed.stdout.match(/\tgpt-4-1106-preview\t/g)).toHaveLength(1)
})

test('eval measures it on outcomes of the models it knows, and says that it cannot know what it has seen', async () => {
  const rows = PROMPTS.map((prompt, i) => `${prompt},${i % 2},${1 - (i % 2)},1`)
  folder.write('wide.csv', `prompt,score:gpt-4-1106-preview,score:zephyr-7b-beta,score:other\n${rows.join('\n')}\n`)
  const pair = ['--strong', 'gpt-4-1106-preview', '--weak', 'zephyr-7b-beta']
  const known = await run('eval', 'wide.csv', '-c', 'model.safetensors', ...pair, '--resamples', '20', '--json')
  expect(known.code).toBe(0)
  expect(JSON.parse(known.stdout).notes).toContain(
    'mf: model.safetensors does not say which prompts it was trained on, so whether it has seen these cannot be checked.',
  )
})

const others = (changes: Record<string, Tensor | undefined>) =>
  Object.fromEntries(
    Object.entries({ ...routeLlmTensors(), ...changes }).filter((entry): entry is [string, Tensor] => !!entry[1]),
  )
const published = (tensor: string, shape: string, got: string) =>
  `expected a tensor ${tensor} of Float32Array ${shape}, as RouteLLM publishes its mf, got ${got}. Download routellm/mf_gpt4_augmented again.\n`

test.each([
  ['a missing tensor', { 'text_proj.0.weight': undefined }, published('text_proj.0.weight', '[128, 1536]', 'none')],
  [
    'another number of models',
    { 'P.weight': { shape: [2, 128], data: new Float32Array(256) } },
    published('P.weight', '[64, 128]', 'Float32Array [2, 128]'),
  ],
  [
    'another type',
    { 'classifier.0.weight': { shape: [1, 128], data: new Float64Array(128) } },
    published('classifier.0.weight', '[1, 128]', 'Float64Array [1, 128]'),
  ],
  [
    'a bias',
    { 'classifier.0.bias': { shape: [1], data: new Float32Array(1) } },
    'expected no tensors but P.weight, text_proj.0.weight, classifier.0.weight, as RouteLLM publishes its mf, got others.\n',
  ],
])('%s is refused', async (_, changes, message) => {
  folder.write('odd.safetensors', routeLlmFile(others(changes)))
  const { code, stderr } = await run('route', 'hi', '-c', 'odd.safetensors', '--threshold', '0.5')
  expect({ code, stderr }).toEqual({ code: 2, stderr: `odd.safetensors: ${message}` })
})

test('weights in 16 bits are refused by the name of their type', async () => {
  const bytes = Buffer.from(routeLlmFile())
  bytes.write(bytes.toString('latin1', 0, 1000).replace(/"F32"/, '"F16"'), 0, 'latin1')
  folder.write('half.safetensors', bytes)
  const { code, stderr } = await run('route', 'hi', '-c', 'half.safetensors', '--threshold', '0.5')
  expect(code).toBe(2)
  expect(stderr).toMatch(
    /^half\.safetensors: tensor P\.weight: expected dtype F64, .*, got F16\. Convert it to F32\.\n$/,
  )
})

const python = process.env.LLMROUTE_PYTHON ?? 'python3'
const looks = 'import importlib.util as u, sys; sys.exit(not all(u.find_spec(n) for n in ("torch", "safetensors")))'
const hasTorch = spawnSync(python, ['-c', looks]).status === 0
const SCRIPT = `
import json, sys
import torch
from safetensors.torch import save_file
torch.set_num_threads(1)
torch.manual_seed(5)
P = torch.nn.Embedding(64, 128)
text_proj = torch.nn.Sequential(torch.nn.Linear(1536, 128, bias=False))
classifier = torch.nn.Sequential(torch.nn.Linear(128, 1, bias=False))
named = {"P": P, "text_proj": text_proj, "classifier": classifier}
save_file({f"{n}.{k}": v for n, m in named.items() for k, v in m.state_dict().items()}, sys.argv[1], {"format": "pt"})
pair = torch.nn.functional.normalize(P(torch.tensor([24, 36])), p=2, dim=1)
rates = []
for e in json.load(open(sys.argv[2])):
    logits = classifier(pair * text_proj(torch.nn.functional.normalize(torch.tensor(e), dim=0))).squeeze()
    rates.append(torch.sigmoid(logits[0] - logits[1]).item())
print(json.dumps(rates))
`

test.skipIf(!hasTorch)(
  'a checkpoint written by torch: its own forward pass, to 1e-5, through the endpoint',
  async () => {
    mkdirSync(join(cwd, 'mf_gpt4_augmented'))
    const file = join(cwd, 'mf_gpt4_augmented', 'model.safetensors')
    const embeddings = PROMPTS.map(text => Array.from({ length: 1536 }, (_, j) => hash32(text, j) / 2 ** 31 - 1))
    writeFileSync(join(cwd, 'embeddings.json'), JSON.stringify(embeddings))
    const torch = spawnSync(python, ['-c', SCRIPT, file, join(cwd, 'embeddings.json')], { encoding: 'utf8' })
    expect(torch.status, torch.stderr).toBe(0)
    folder.write('prompts.txt', `${PROMPTS.join('\n')}\n`)
    const { stdout } = await run('batch', 'prompts.txt', '-c', 'mf_gpt4_augmented', '--threshold', '0.5', '--json')
    const found = stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).winRate as number)
    const expected = JSON.parse(torch.stdout) as number[]
    expect(found).toHaveLength(3)
    for (const [i, winRate] of found.entries()) expect(Math.abs(winRate - expected[i]!)).toBeLessThan(1e-5)
  },
)
