import { expect, test } from 'vitest'
import { UsageError } from '../../src/errors.ts'
import * as knn from '../../src/strategies/knn.ts'
import { hashingResources } from '../helpers/hashing_resources.ts'
import { syntheticOutcomes } from '../helpers/outcomes.ts'

const rows = syntheticOutcomes({ rows: 500 })
const checkpoint = await knn.fit(rows, hashingResources())
const strategy = await knn.create(hashingResources(checkpoint))
const MODELS = ['small', 'middle', 'large']

test('win rates are near what strong added on like prompts', async () => {
  const [hard, easy] = await strategy.winRate(['tell me about the theorem', 'tell me about the weather'])
  expect(hard).toBeGreaterThan(0.65)
  expect(easy).toBeLessThan(0.6)
})

test('far from everything it is near the mean of all', async () => {
  const added = rows.strong.reduce((sum, score, i) => sum + score - rows.weak[i]!, 0) / 500
  const [winRate] = await strategy.winRate(['§§§'])
  expect(Math.abs(winRate! - 0.5 - added / 2)).toBeLessThan(0.1)
})

test('explains by neighbours, those that moved it most first; text only where it was kept', async () => {
  const reasons = await strategy.explain!('please tell me about the theorem')
  expect(reasons).toHaveLength(5)
  expect(reasons.filter(({ category }) => category === 'hard').length).toBeGreaterThanOrEqual(4)
  expect(reasons.every(({ text }) => text === undefined)).toBe(true)
  const weights = reasons.map(({ weight }) => Math.abs(weight))
  expect(weights).toEqual(weights.toSorted((a, b) => b - a))

  const kept = await knn.create(
    hashingResources(await knn.fit(rows, hashingResources(undefined, { keepPrompts: true }))),
  )
  for (const { name, text, weight } of await kept.explain!('please tell me about the theorem')) {
    const row = rows.ids.indexOf(name)
    expect(text).toBe(rows.prompts[row])
    expect(Math.sign(weight)).toBe(Math.sign(rows.strong[row]! - rows.weak[row]!))
  }
})

test('quality and other pairs of a wide file, some of it unknown', async () => {
  const wide = syntheticOutcomes({ rows: 600, models: MODELS, unknown: 0.1 })
  const learned = await knn.fit(wide, hashingResources())
  const [small, middle, large] = await (await knn.create(hashingResources(learned))).quality!(
    ['prove the theorem'],
    MODELS,
  )
  expect(small).toBeLessThan(middle! - 0.1)
  expect(middle).toBeLessThan(large! - 0.1)
  const winRateOf = async (strong: string, weak: string) =>
    (await (await knn.create(hashingResources(learned, { pair: { strong, weak } }))).winRate(['prove the theorem']))[0]!
  expect(await winRateOf('large', 'small')).toBeGreaterThan(await winRateOf('middle', 'small'))
  expect((await winRateOf('middle', 'small')) + (await winRateOf('small', 'middle'))).toBeCloseTo(1, 6)
})

test('rows without the pair are left out; without any such row there is nothing to learn', async () => {
  const some = rows.strong.map((score, i) => (i % 5 === 0 ? Number.NaN : score))
  const fewer = await knn.fit({ ...rows, strong: some }, hashingResources())
  expect(fewer.tensors.added!.shape).toEqual([400])
  const none = { ...rows, strong: rows.strong.map(() => Number.NaN) }
  await expect(knn.fit(none, hashingResources())).rejects.toThrow(UsageError)
})

test('18,000 rows of a shipped file stay below 6 MB', () => {
  const bytes = Object.values(checkpoint.tensors).reduce((sum, { data }) => sum + data.byteLength, 0) / 500
  // 128 dimensions here, 256 there.
  expect((bytes + 128) * 18_000).toBeLessThan(6e6)
})
