import { expect, test } from 'vitest'
import { curve } from '../../src/evaluation/curve.ts'
import { apgr } from '../../src/evaluation/metrics.ts'
import { createRandom } from '../../src/math/random.ts'
import { create, fit } from '../../src/strategies/blend.ts'
import type { Checkpoint, Outcomes, Reason } from '../../src/types.ts'
import { hashingResources } from '../helpers/hashing_resources.ts'
import { pairOutcomes } from '../helpers/pair_outcomes.ts'

/** Prompts about numbers or about words; `isHardWhenLong` says on which side of 60 characters strong is needed. */
function outcomes(topic: string, isHardWhenLong: boolean, rows: number, seed: number): Outcomes {
  const random = createRandom(seed)
  return pairOutcomes(
    Array.from({ length: rows }, (_, i) => {
      const isLong = random() < 0.5
      const prompt = `${topic} ${i} ${'and more of the same '.repeat(isLong ? 4 : 1)}`
      return { prompt, strong: 1, weak: Number(random() < (isLong === isHardWhenLong ? 0.1 : 0.9)) }
    }),
  )
}

function pooled(one: Outcomes, other: Outcomes): Outcomes {
  const join = (a: Float64Array, b: Float64Array) => Float64Array.from([...a, ...b])
  return {
    ...one,
    prompts: [...one.prompts, ...other.prompts],
    ids: [...one.ids, ...other.ids],
    categories: [...one.categories, ...other.categories],
    strong: join(one.strong, other.strong),
    weak: join(one.weak, other.weak),
    scores: join(one.scores, other.scores),
    source: Uint16Array.from([...one.source, ...other.source.map(() => 1)]),
    sources: [...one.sources, ...other.sources],
  }
}

async function opened(checkpoint: Checkpoint) {
  return create(hashingResources(checkpoint))
}

async function apgrOn(test: Outcomes, checkpoint: Checkpoint): Promise<number> {
  const points = curve(await (await opened(checkpoint)).winRate(test.prompts), test.strong, test.weak)
  return apgr(points, 1, test.weak.reduce((sum, score) => sum + score, 0) / test.weak.length)!
}

const sums = outcomes('what is the sum of', true, 300, 1)
const poems = outcomes('write a poem on', false, 300, 2)
const alone = await fit(sums, hashingResources())
const both = await fit(pooled(sums, poems), hashingResources())

test('one file gives one expert, always heard', async () => {
  expect(alone.metadata.options.experts).toBe(1)
  expect(await apgrOn(outcomes('what is the sum of', true, 200, 3), alone)).toBeGreaterThan(0.7)
})

test('files that contradict each other keep an expert each, heard on prompts like its own', async () => {
  expect(both.metadata.options.experts).toBe(2)
  expect(await apgrOn(outcomes('what is the sum of', true, 200, 3), both)).toBeGreaterThan(0.6)
  expect(await apgrOn(outcomes('write a poem on', false, 200, 4), both)).toBeGreaterThan(0.6)
})

test('reasons come strongest first and point the way the win rate goes', async () => {
  const strategy = await opened(alone)
  const prompts = [`what is the sum of 7 ${'and more of the same '.repeat(4)}`, 'what is the sum of 8']
  const [hard, easy] = await strategy.winRate(prompts)
  expect(hard! - easy!).toBeGreaterThan(0.2)
  const [hardReasons, easyReasons] = await Promise.all(prompts.map(prompt => strategy.explain!(prompt)))
  const sumOf = (reasons: readonly Reason[]) => reasons.reduce((sum, { weight }) => sum + weight, 0)
  expect(sumOf(hardReasons!) - sumOf(easyReasons!)).toBeGreaterThan(0.1)
  const sizes = hardReasons!.map(({ weight }) => Math.abs(weight))
  expect(sizes).toEqual(sizes.toSorted((a, b) => b - a))
  expect(hardReasons!.map(({ name }) => name)).toContain('meaning and shape')
})

test('rows without both scores are passed over; with none left it says so', async () => {
  const unknown = { ...sums, weak: sums.weak.map(() => Number.NaN) }
  await expect(fit(unknown, hashingResources())).rejects.toThrow(
    'blend: expected rows in which both models of the pair were measured, got none. Name another pair.',
  )
})

test('tensors that do not fit are named', async () => {
  const { words, ...tensors } = alone.tensors
  await expect(opened({ ...alone, tensors })).rejects.toThrow(
    'expected a tensor words of Int8Array [3, 131072, 1], got none.',
  )
  const metadata = { ...alone.metadata, options: { ...alone.metadata.options, intercepts: [1] } }
  await expect(opened({ ...alone, metadata })).rejects.toThrow('expected 3 numbers as option intercepts, got other.')
})
