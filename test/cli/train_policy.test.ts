import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readCheckpoint } from '../../src/io/checkpoint.ts'
import { runCli } from '../helpers/run_cli.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const cwd = folder.path
const train = (...args: string[]) => runCli(['train', '--policy', 'learned', ...args], { cwd })
const things = ['soup', 'a lamp', 'rivers', 'two boats', 'old maps', 'a clock', 'snow', 'the bus', 'tea', 'a kite']
const rows = things.flatMap((thing, i) => [
  [`Write a Python function that counts ${thing} in a list of ${i + 2} items`, 'coder'],
  [`Write a poem about ${thing} and the moon`, 'writer'],
  [`What is the price of ${thing} in Italy?`, 'small'],
  [`Wie viel kosten ${i + 2} Fahrkarten nach Köln, und wo gibt es ${thing}?`, 'european'],
])
const csv = (header: string) => `${header}\n${rows.map(([prompt, model]) => `"${prompt}",${model}`).join('\n')}\n`
folder.write('chosen.csv', csv('prompt,model'))
folder.write('labels.csv', csv('prompt,label'))

test('prints accuracy beside its baseline, saves, and the policy decides by it', async () => {
  const { code, stdout, stderr } = await train('chosen.csv', '-o', 'learned.safetensors')
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: `Saved ${join(cwd, 'learned.safetensors')}, which chooses between coder, european, small, writer.\nNext: llmroute route "..." --policy learned --policy-option checkpoint=learned.safetensors --models coder,european,small,writer\n`,
  })
  expect(stdout).toMatch(/^chosen: 40 prompts, 4 models; 5-fold cross-validation\n/)
  const [, macro, baseline] = /Macro accuracy (0\.\d+|1\.\d+), always the most frequent model (0\.\d+)\./.exec(stdout)!
  expect(Number(macro)).toBeGreaterThan(0.9)
  expect(baseline).toBe('0.250')
  const { metadata, tensors } = await readCheckpoint(join(cwd, 'learned.safetensors'))
  expect(metadata).toMatchObject({
    strategy: 'learned',
    models: ['coder', 'european', 'small', 'writer'],
    trainedOn: [{ name: 'chosen', rows: 40 }],
    options: { macro_accuracy: Number(macro) > 0.999 ? 1 : expect.any(Number), baseline_accuracy: 0.25 },
  })
  expect(tensors.seen!.data).toHaveLength(40)
  const route = (prompt: string) =>
    runCli(
      [
        'route',
        prompt,
        '--policy',
        'learned',
        '--policy-option',
        'checkpoint=learned.safetensors',
        '--models',
        'coder,european,small,writer',
      ],
      { cwd },
    )
  expect((await route('Write a Python function that sorts numbers')).stdout).toBe('coder\n')
  expect((await route('Wo ist der Bahnhof, und was kostet ein Kaffee?')).stdout).toBe('european\n')
})

test('--json, a column label, and the same weights for one seed', async () => {
  const { stdout } = await train('labels.csv', '--json', '-o', 'a.safetensors', '--seed', '3')
  const report = JSON.parse(stdout)
  expect(report).toMatchObject({
    version: 1,
    policy: 'learned',
    folds: 5,
    seed: 3,
    prompts: 40,
    skipped: 0,
    files: [{ name: 'labels', rows: 40 }],
    baseline: { accuracy: 0.25, macroAccuracy: 0.25 },
    checkpoint: { file: 'a.safetensors' },
  })
  expect(report.models.map(({ model, prompts }: { model: string; prompts: number }) => [model, prompts])).toEqual(
    ['coder', 'european', 'small', 'writer'].map(model => [model, 10]),
  )
  const again = JSON.parse((await train('labels.csv', '--json', '-o', 'b.safetensors', '--seed', '3')).stdout)
  expect(again.checkpoint.sha256).toBe(report.checkpoint.sha256)
})

test('files that cannot be used, with the line', async () => {
  folder.write('none.csv', 'prompt,modl\na,b\n')
  folder.write('gap.csv', 'prompt,model\na,x\nb,\nc,y\n')
  folder.write('one.csv', 'prompt,model\na,x\nb,x\n')
  expect(await train('none.csv')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('none.csv:1: expected a column model (the model to choose), got prompt, modl.'),
  })
  expect(await train('gap.csv')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('gap.csv:3: expected a model in column model, got an empty cell.'),
  })
  expect(await train('one.csv')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('one.csv: expected two or more models to choose between in column model, got one.'),
  })
  expect(await train('gap.csv', '--skip-bad')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--folds: expected at most as many as there are different prompts, 2, got 5.'),
  })
  expect(await train('chosen.csv', '--strong', 'x')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(
      '--strong: expected a strategy that is trained, got --policy learned, which takes no such flag.',
    ),
  })
  const other = await runCli(['train', '--policy', 'ab', 'chosen.csv'], { cwd })
  expect(other).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--policy: expected learned, the policy that learns, got ab.'),
  })
})

test('a file that train has not made is not replaced', async () => {
  folder.write('mine.txt', 'notes')
  expect(await train('chosen.csv', '-o', 'mine.txt')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(
      '--output: expected a new file, or a checkpoint that llmroute train made, got mine.txt',
    ),
  })
})
