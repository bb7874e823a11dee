import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { writeCheckpoint } from '../../src/io/checkpoint.ts'
import { localModels } from '../../src/io/local_models.ts'
import { openCheckpoint } from '../../src/io/open_checkpoint.ts'
import { createStrategy } from '../../src/io/open_strategy.ts'
import { create } from '../../src/strategies/bert.ts'
import type { Checkpoint, Resources } from '../../src/types.ts'
import { runCli } from '../helpers/run_cli.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const TINY = 'test/fixtures/tiny_bert'
const cases = JSON.parse(readFileSync(join(TINY, 'expected.json'), 'utf8')) as { text: string; logits: number[] }[]
const prompts = cases.map(({ text }) => text)
const folder = temporaryFolder()
const imported = await openCheckpoint(TINY)
const ours = join(folder.path, 'ours')
cpSync(TINY, ours, { recursive: true })
await writeCheckpoint(join(ours, 'llmroute.safetensors'), {
  metadata: {
    ...imported.metadata,
    pair: { strong: 'large', weak: 'small' },
    options: {
      tieShare: 0.5,
      modelFile: 'onnx/model.onnx',
      modelSha256: createHash('sha256')
        .update(readFileSync(join(TINY, 'onnx/model.onnx')))
        .digest('hex'),
    },
  },
  tensors: { win_rate_quantiles: { shape: [3], data: Float64Array.of(0, 0.4, 1) } },
})

describe('win rates', () => {
  const shares = cases.map(({ logits }) => {
    const exponentials = logits.map(Math.exp)
    const total = exponentials.reduce((sum, value) => sum + value, 0)
    return exponentials.map(value => value / total)
  })

  test('of an imported model: the first label, as RouteLLM has it', async () => {
    const strategy = await createStrategy('bert', { checkpoint: imported })
    expectNear(
      await strategy.winRate(prompts),
      shares.map(([strong]) => strong!),
    )
  })

  test('of ours: the first label and half of the second', async () => {
    const strategy = await createStrategy('bert', { checkpoint: await openCheckpoint(ours) })
    expectNear(
      await strategy.winRate(prompts),
      shares.map(([strong, tie]) => strong! + tie! / 2),
    )
  })
})

describe('a checkpoint that does not fit', () => {
  const resourcesOf = (checkpoint: Checkpoint, models?: Resources['models']) => ({
    ...{
      seed: 0,
      checkpoint: async () => checkpoint,
      embedder: () => Promise.reject(new Error('asked for an embedder')),
    },
    ...(models ? { models } : {}),
  })

  test.each([
    [
      'another strategy',
      { ...imported, metadata: { ...imported.metadata, strategy: 'causal_llm' } },
      'expected a checkpoint of bert with feature version 1, got causal_llm with 1. Export the model again.',
    ],
    [
      'another version',
      { ...imported, metadata: { ...imported.metadata, featureVersion: 2 } },
      'expected a checkpoint of bert with feature version 1, got bert with 2. Export the model again.',
    ],
    [
      'no folder',
      { metadata: imported.metadata, tensors: {} },
      'expected the folder of a model, got a file without one. Export the model again.',
    ],
  ])('%s', async (_, checkpoint, message) => {
    await expect(create(resourcesOf(checkpoint, localModels))).rejects.toMatchObject({
      name: 'DataError',
      message: `bert: ${message}`,
    })
  })

  test('another number of labels, with the folder in the message', async () => {
    const two = join(folder.path, 'two')
    cpSync(TINY, two, { recursive: true })
    const config = JSON.parse(readFileSync(join(two, 'config.json'), 'utf8')) as object
    writeFileSync(join(two, 'config.json'), JSON.stringify({ ...config, id2label: { 0: 'NEGATIVE', 1: 'POSITIVE' } }))
    const { code, stderr } = await runCli(['route', 'hi', '-c', two, '--threshold', '0.5'])
    expect(stderr).toBe(
      `${two}: expected a model with 3 labels (strong better, tie, weak better), got 2. Export the model again.\n`,
    )
    expect(code).toBe(2)
  })

  test('nothing that runs models', async () => {
    await expect(create(resourcesOf(imported))).rejects.toThrow(
      'bert: expected a way to run models (resources.models), got none.',
    )
  })
})

describe('the shipped one', () => {
  test('is 25 MB at most', () => {
    expect(statSync('checkpoints/bert/onnx/model_quantized.onnx').size).toBeLessThan(25e6)
  })

  test('a batch gives exactly what its prompts give one by one: 8 bits are rounded by the largest number of a text', async () => {
    const strategy = await createStrategy('bert', { checkpoint: await openCheckpoint('checkpoints/bert') })
    const batch = await strategy.winRate(prompts)
    for (const [i, prompt] of prompts.entries()) expect((await strategy.winRate([prompt]))[0]).toBe(batch[i])
    expect(await strategy.winRate(prompts.toReversed())).toEqual(batch.toReversed())
  })

  test('a proof is harder than a greeting, and half of all prompts go to strong', async () => {
    const hard = 'Prove that a continuous function on a compact metric space is uniformly continuous.'
    const winRates = await Promise.all(
      [hard, 'hi there'].map(async prompt => {
        const { stdout } = await runCli(['route', prompt, '--strategy', 'bert', '--json'])
        return JSON.parse(stdout) as { winRate: number; threshold: number }
      }),
    )
    expect(winRates[0]!.winRate).toBeGreaterThan(winRates[1]!.winRate)
    const { tensors, metadata } = await openCheckpoint('checkpoints/bert')
    expect(winRates[0]!.threshold).toBeCloseTo(tensors.win_rate_quantiles!.data[500] as number, 9)
    expect(metadata.trainedOn.every(({ apgr }) => apgr!.value > 0.5)).toBe(true)
  })

  test('it says what it saw: four fifths of its rows', async () => {
    const { tensors, metadata } = await openCheckpoint('checkpoints/bert')
    const rows = metadata.trainedOn.reduce((sum, file) => sum + file.rows, 0)
    const seen = tensors.seen!.data.length
    expect(seen).toBeLessThanOrEqual(rows)
    expect(seen).toBeGreaterThan(0.98 * rows)
  })
})

describe('on the command line', () => {
  test('route by our folder: its own pair, its own quantiles', async () => {
    const { code, stdout } = await runCli(['route', 'Prove that two is', '-c', ours, '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      strategy: 'bert',
      threshold: 0.4,
      models: [expect.stringMatching(/large|small/)],
    })
  })

  test('an imported folder knows no quantiles: it asks for a threshold, or for a calibration', async () => {
    const { code, stderr } = await runCli(['route', 'hi', '-c', TINY])
    expect(code).toBe(2)
    expect(stderr).toBe(
      `${TINY}: expected --threshold, since these weights come without win-rate quantiles. Find one for your prompts: llmroute calibrate --checkpoint ${TINY} --strong-pct 30% --data YOUR_PROMPTS.\n`,
    )
    const { stdout } = await runCli(['route', 'hi', '-c', TINY, '--threshold', '0.5', '--strong', 'gpt', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ strategy: 'bert', alternatives: [expect.anything()] })
    const calibrated = await runCli(['calibrate', '-c', TINY, '--strong-pct', '30%', '--data', 'requests', '--json'])
    expect(calibrated.code, calibrated.stderr).toBe(0)
  })

  test('batch and eval', async () => {
    const out = join(folder.path, 'routed.csv')
    const batch = await runCli(['batch', 'sample', '-c', ours, '-o', out])
    expect(batch.code, batch.stderr).toBe(0)
    expect(readFileSync(out, 'utf8')).toContain('llmroute_win_rate')
    const evaluated = await runCli(['eval', 'sample', '-c', ours, '--resamples', '10', '--json'])
    expect(evaluated.code, evaluated.stderr).toBe(0)
    const { strategies } = JSON.parse(evaluated.stdout) as { strategies: { id: string }[] }
    expect(strategies.map(({ id }) => id)).toContain('bert')
  })

  test.each([
    ['train', ['train', 'sample', '--strategy', 'bert', '-o', 'x.safetensors']],
    ['eval --cv', ['eval', 'sample', '--strategies', 'bert', '--cv', '5']],
    ['eval --train-size', ['eval', 'sample', '--strategies', 'bert', '--train-size', '40']],
    ['eval --train-on', ['eval', 'sample', '--strategies', 'bert', '--train-on', 'sample']],
  ])('%s refuses and names the recipe', async (_, flags) => {
    const { code, stderr } = await runCli(flags)
    expect(code).toBe(2)
    expect(stderr).toBe(
      `strategy bert: expected one that llmroute trains, got one whose weights are made elsewhere. Name a folder with an ONNX model of three labels (strong, tie, weak), as --checkpoint FOLDER;\ncheckpoints/recipes/bert of the repository fine-tunes one in an hour.\n`,
    )
  })

  test('a model that was changed or cut short is refused', async () => {
    const cut = join(folder.path, 'cut')
    cpSync(ours, cut, { recursive: true })
    writeFileSync(join(cut, 'onnx/model.onnx'), readFileSync(join(TINY, 'onnx/model.onnx')).subarray(0, 1000))
    const { code, stderr } = await runCli(['route', 'hi', '-c', cut])
    expect(code).toBe(2)
    expect(stderr).toBe(
      `${cut}/onnx/model.onnx: expected the model that llmroute.safetensors was made with, got another. Copy or make the folder again.\n`,
    )
  })

  test('an empty folder is refused', async () => {
    const empty = join(folder.path, 'empty')
    mkdirSync(empty)
    const { code, stderr } = await runCli(['route', 'hi', '-c', empty])
    expect(code).toBe(2)
    expect(stderr).toBe(
      `${empty}/config.json: expected the configuration of a model in the Hugging Face ONNX layout, got no such file.\n`,
    )
  })
})

function expectNear(actual: Float64Array, expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length)
  for (const [i, value] of expected.entries()) expect(actual[i], prompts[i]!.slice(0, 40)).toBeCloseTo(value, 4)
}
