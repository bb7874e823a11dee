import { expect, test } from 'vitest'
import { UsageError } from '../../src/errors.ts'
import * as forest from '../../src/strategies/forest.ts'
import { hashingResources } from '../helpers/hashing_resources.ts'
import { syntheticOutcomes } from '../helpers/outcomes.ts'

const rows = syntheticOutcomes({ rows: 600 })
const checkpoint = await forest.fit(rows, hashingResources())
const strategy = await forest.create(hashingResources(checkpoint))

test('win rates have the mean of the data and tell hard from easy', async () => {
  const fresh = syntheticOutcomes({ rows: 400, seed: 3 })
  const winRates = await strategy.winRate(fresh.prompts)
  const expected = fresh.strong.reduce((sum, score, i) => sum + 0.5 + (score - fresh.weak[i]!) / 2, 0) / 400
  expect(winRates.reduce((sum, winRate) => sum + winRate, 0) / 400).toBeCloseTo(expected, 1)
  const [hard, easy] = await strategy.winRate(['tell me the theorem', 'tell me the weather'])
  expect(hard).toBeGreaterThan(easy!)
})

test('another seed grows other trees of the same worth', async () => {
  const other = await forest.fit(rows, hashingResources(undefined, { seed: 1 }))
  expect(other.tensors.values!.data).not.toEqual(checkpoint.tensors.values!.data)
  const [a] = await (await forest.create(hashingResources(other))).winRate(['tell me the theorem'])
  const [b] = await strategy.winRate(['tell me the theorem'])
  expect(Math.abs(a! - b!)).toBeLessThan(0.1)
})

test('reasons sum to the distance between two win rates', async () => {
  const sumOf = async (prompt: string) => (await strategy.explain!(prompt)).reduce((sum, { weight }) => sum + weight, 0)
  const [a, b] = await strategy.winRate(['tell me the theorem', 'tell me the weather'])
  expect((await sumOf('tell me the theorem')) - (await sumOf('tell me the weather'))).toBeCloseTo(a! - b!, 6)
})

test.each([
  ['children before their parents', 'children', (data: Int32Array) => data.fill(0)],
  ['children beyond the end', 'children', (data: Int32Array) => data.fill(1 << 30)],
  ['features that are not there', 'features', (data: Int32Array) => data.fill(5000)],
])('trees with %s are refused: they might never end', async (_, name, damage) => {
  const { data, shape } = checkpoint.tensors[name]!
  const tensors = { ...checkpoint.tensors, [name]: { shape, data: damage(data.slice() as Int32Array) } }
  await expect(forest.create(hashingResources({ ...checkpoint, tensors }))).rejects.toThrow(
    /^forest: expected trees over/,
  )
})

test('without a row that has both scores there is nothing to grow from', async () => {
  const none = { ...rows, weak: rows.weak.map(() => Number.NaN) }
  await expect(forest.fit(none, hashingResources())).rejects.toThrow(UsageError)
})
