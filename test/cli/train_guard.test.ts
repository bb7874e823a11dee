import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { reasonToKeep } from '../../src/cli/train_guard.ts'
import { readCheckpoint, type StoredCheckpoint, writeCheckpoint } from '../../src/io/checkpoint.ts'
import { routeLlmFile } from '../helpers/routellm_mf.ts'
import { runCli } from '../helpers/run_cli.ts'
import { signalCsv } from '../helpers/signal_csv.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const cwd = folder.path
const train = (...args: string[]) =>
  runCli(['train', ...args, '-s', 'knn', '--resamples', '50', '--folds', '3'], { cwd })
const bytesOf = (name: string) => readFileSync(join(cwd, name))
const FIGURES = '[+−]\\d\\.\\d{3}, 95% interval [+−]\\d\\.\\d{3} to [+−]\\d\\.\\d{3}'

const signal = signalCsv(250, 1)
folder.write('signal.csv', signal)
folder.write(
  'noise.csv',
  signalCsv(250, 3).replace(/\b(?=\w*[a-z])(?!prompt|strong|weak|id|category|many|few)\w+/g, 'word'),
)
beforeAll(async () => {
  await train('signal.csv', '-o', 'good.safetensors')
})

test('weights that beat nothing do not replace those that do: 1, with both figures', async () => {
  const before = bytesOf('good.safetensors')
  const { code, stdout, stderr } = await train('noise.csv', '-o', 'good.safetensors')
  expect(code).toBe(1)
  expect(stdout).toMatch(
    /\nknn (does not beat|is worse than) length \(longer prompts to strong\) with (95% )?confidence: [+−]\d\.\d{3} in APGR, 95% interval .*\.\nAt no share it earns more than strong alone with confidence: what routing saves here is cost\.\n$/,
  )
  expect(stderr).toMatch(
    new RegExp(
      `^good\\.safetensors is kept: it beats length with confidence \\(APGR − length ${FIGURES}, trained on signal\\), and the new weights beat neither length nor the better single model \\(APGR − length ${FIGURES}, trained on noise\\)\\. Pass --force to replace it all the same\\.\\n$`,
    ),
  )
  expect(bytesOf('good.safetensors')).toEqual(before)
  const json = JSON.parse((await train('noise.csv', '-o', 'good.safetensors', '--json')).stdout)
  expect(json).toMatchObject({ checkpoint: null, kept: 'good.safetensors', overall: { id: 'knn', sets: 1 } })
  expect(json.overall.beatsLength).not.toBe(true)
  expect(bytesOf('good.safetensors')).toEqual(before)
})

test('--force replaces them; what beats nothing is replaced without', async () => {
  await train('signal.csv', '-o', 'forced.safetensors')
  expect((await train('noise.csv', '-o', 'forced.safetensors', '--force')).code).toBe(0)
  const { metadata } = await readCheckpoint(join(cwd, 'forced.safetensors'))
  expect(metadata.trainedOn[0]!.name).toBe('noise')
  expect(metadata.measured!.minusLength!.low).toBeLessThan(0)
  expect((await train('noise.csv', '-o', 'forced.safetensors', '--seed', '1')).code).toBe(0)
  expect((await readCheckpoint(join(cwd, 'forced.safetensors'))).metadata.seed).toBe(1)
})

test('better weights replace good ones; the overall figures of one file are that file’s', async () => {
  folder.write('again.safetensors', bytesOf('good.safetensors'))
  const { code, stdout } = await train('signal.csv', '-o', 'again.safetensors', '--json', '--seed', '4')
  const { overall, files, kept } = JSON.parse(stdout)
  expect({ code, kept }).toEqual({ code: 0, kept: null })
  const measured = files[0].strategies.at(-1)
  for (const figure of ['apgr', 'apgrLow', 'apgrHigh', 'minusLength', 'minusLengthLow', 'minusLengthHigh']) {
    expect(overall[figure], figure).toBeCloseTo(measured[figure], 9)
  }
  expect(overall).toMatchObject({ beatsLength: true, beatsRandom: true, beatsSingleModel: measured.beatsSingleModel })
})

const altered = (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -1), Buffer.from([bytes.at(-1)! ^ 1])])
test.each([
  ['data', () => Buffer.from(signal)],
  ['an altered checkpoint', () => altered(bytesOf('good.safetensors'))],
  ['RouteLLM’s weights', () => Buffer.from(routeLlmFile())],
])('%s at -o: 2, before training; --force replaces it', async (_, content) => {
  const bytes = content()
  folder.write('there', bytes)
  expect(await train('noise.csv', '-o', 'there')).toEqual({
    code: 2,
    stdout: '',
    stderr:
      '--output: expected a new file, or a checkpoint that llmroute train made, got there, which is neither. Name another file, or pass --force to replace it.\n',
  })
  expect(bytesOf('there')).toEqual(bytes)
  expect((await train('noise.csv', '-o', 'there', '--force')).code).toBe(0)
  expect((await readCheckpoint(join(cwd, 'there'))).metadata.strategy).toBe('knn')
})

test('a checkpoint of ours without stored figures claims nothing, and is replaced', async () => {
  const { metadata, tensors } = await readCheckpoint(join(cwd, 'good.safetensors'))
  const { measured: _, ...older } = metadata
  await writeCheckpoint(join(cwd, 'older.safetensors'), { metadata: older, tensors })
  expect((await train('noise.csv', '-o', 'older.safetensors')).code).toBe(0)
})

test('who earns more than the better single model is worth having, too', async () => {
  const good = await readCheckpoint(join(cwd, 'good.safetensors'))
  const saying = (measured: StoredCheckpoint['metadata']['measured']) => ({
    ...good,
    metadata: { ...good.metadata, ...(measured ? { measured } : {}) },
  })
  const unclear = { value: 0.01, low: -0.01, high: 0.03 }
  const single = saying({ minusLength: unclear, beatsSingleModel: true })
  const nothing = saying({ minusLength: unclear, beatsSingleModel: false })
  const inverted = saying({ beatsSingleModel: false })
  expect(reasonToKeep(single, nothing.metadata)).toContain(
    'is kept: it beats the better single model at some share with confidence (APGR − length +0.010, 95% interval −0.010 to +0.030, trained on signal)',
  )
  expect(reasonToKeep(single, inverted.metadata)).toContain('(APGR undefined, trained on signal). Pass --force')
  expect(reasonToKeep(single, single.metadata)).toBeUndefined()
  expect(reasonToKeep(nothing, inverted.metadata)).toBeUndefined()
})
