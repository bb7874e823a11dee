import { readFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'
import { expect, test } from 'vitest'
import { DataError, UsageError } from '../../src/errors.ts'
import { readCheckpoint, writeCheckpoint } from '../../src/io/checkpoint.ts'
import { readClassifier } from '../../src/io/embedder_table.ts'
import { create } from '../../src/policies/learned.ts'
import { fitLearned } from '../../src/policies/learned_fit.ts'
import type { Checkpoint, Pool } from '../../src/types.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const [language, taskType, topic] = await Promise.all(['language', 'task_type', 'topic'].map(readClassifier))
const weights = { language: language!, taskType: taskType!, topic: topic! }
const rows = parse(readFileSync('datasets/translations.csv'), { columns: true }) as Record<string, string>[]
/** German, French and Italian to `eu`; English that mentions an egg or water to `cook`; else `small`. */
const labelled = rows.flatMap(row => [
  { prompt: row.translation!, model: ['de', 'fr', 'it'].includes(row.language!) ? 'eu' : 'small' },
  ...(row.language === 'de'
    ? [{ prompt: row.english!, model: /egg|water|cook/i.test(row.english!) ? 'cook' : 'small' }]
    : []),
])
const models = ['cook', 'eu', 'small']
const fitted = fitLearned(
  { prompts: labelled.map(row => row.prompt), labels: labelled.map(row => models.indexOf(row.model)), models },
  weights,
  1,
)
const pool: Pool = { models: models.map(id => ({ id })) }
const parts = (checkpoint: Checkpoint = fitted, options: unknown = { checkpoint: 'x' }, given = pool) => ({
  options,
  pool: given,
  checkpoint: async () => checkpoint,
  classifier: readClassifier,
})

test('chooses by language, on prompts that it has not seen', async () => {
  const policy = await create(parts())
  const prompts = [
    'Wo kann ich hier eine Fahrkarte kaufen?',
    'Où est la gare la plus proche ?',
    'Где ближайшая аптека?',
  ]
  const decisions = await policy.decide(
    prompts.map(prompt => ({ prompt })),
    pool,
  )
  expect(decisions.map(decision => decision!.model)).toEqual(['eu', 'eu', 'small'])
  const [{ reasons, alternatives }] = decisions as [NonNullable<(typeof decisions)[0]>]
  expect(reasons![0]!.name).toMatch(/^the most probable by the forest: language de, task question$/)
  const sum = reasons![0]!.weight + alternatives!.reduce((total, { score }) => total + score!, 0)
  expect(sum).toBeCloseTo(1, 6)
  expect(alternatives!.map(({ reason }) => reason)).toEqual(['less probable', 'less probable'])
})

test('the next most probable where the first cannot serve; no answer where none is known', async () => {
  const policy = await create(parts())
  const request = { prompt: 'Wo kann ich hier eine Fahrkarte kaufen?' }
  const [decision] = await policy.decide([{ ...request, candidates: [{ id: 'small' }, { id: 'cook' }] }], pool)
  expect(decision!.model).toBe('small')
  expect(await policy.decide([{ ...request, candidates: [{ id: 'other' }] }], pool)).toEqual([undefined])
})

test('saved and read, it decides the same; fitted again, it is the same', async () => {
  const file = `${folder.path}/learned.safetensors`
  await writeCheckpoint(file, fitted)
  const policy = await create(parts(await readCheckpoint(file)))
  const requests = labelled.slice(0, 40).map(({ prompt }) => ({ prompt }))
  const first = await (await create(parts())).decide(requests, pool)
  expect(await policy.decide(requests, pool)).toEqual(first)
  expect(fitted.metadata).toMatchObject({ strategy: 'learned', models, seed: 1 })
})

test('two models take one forest, and their probabilities sum to 1', async () => {
  const two = fitLearned(
    {
      prompts: labelled.map(row => row.prompt),
      labels: labelled.map(row => Number(row.model === 'eu')),
      models: ['a', 'b'],
    },
    weights,
    1,
  )
  const ab: Pool = { models: [{ id: 'a' }, { id: 'b' }] }
  const policy = await create(parts(two, { checkpoint: 'x' }, ab))
  const [decision] = await policy.decide([{ prompt: 'Wo kann ich hier eine Fahrkarte kaufen?' }], ab)
  expect(decision!.model).toBe('b')
  expect(decision!.reasons![0]!.weight + decision!.alternatives![0]!.score!).toBeCloseTo(1, 6)
})

test('models of the weights may have other names in the pool', async () => {
  const other: Pool = { models: [{ id: 'mistral' }, { id: 'small' }] }
  const policy = await create(parts(fitted, { checkpoint: 'x', models: { eu: 'mistral' } }, other))
  const [decision] = await policy.decide([{ prompt: 'Wo kann ich hier eine Fahrkarte kaufen?' }], other)
  expect(decision!.model).toBe('mistral')
})

test('what does not fit', async () => {
  await expect(create(parts(fitted, {}))).rejects.toThrow(
    'policy learned: expected a checkpoint, got none. Train one with llmroute train --policy learned DATA -o FILE',
  )
  await expect(create(parts(fitted, { checkpoint: 'x' }, { models: [{ id: 'gpt' }] }))).rejects.toThrow(
    'policy learned: expected a pool with models of the weights (cook, eu, small), got none of them.',
  )
  await expect(create(parts(fitted, { checkpoint: 'x', models: { cok: 'eu' } }))).rejects.toThrow(UsageError)
  const foreign = { ...fitted, metadata: { ...fitted.metadata, strategy: 'forest' } }
  await expect(create(parts(foreign))).rejects.toThrow(DataError)
  for (const [name, { shape, data }] of Object.entries(fitted.tensors)) {
    const tensors = { ...fitted.tensors, [name]: { shape, data: data.slice(0, -1) } }
    await expect(create(parts({ ...fitted, tensors })), name).rejects.toThrow(DataError)
  }
})
