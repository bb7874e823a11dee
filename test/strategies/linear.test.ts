import { expect, test } from 'vitest'
import { curve } from '../../src/evaluation/curve.ts'
import { apgr } from '../../src/evaluation/metrics.ts'
import { createRandom } from '../../src/math/random.ts'
import { create, fit } from '../../src/strategies/linear.ts'
import type { Checkpoint, Outcomes, Resources } from '../../src/types.ts'
import { pairOutcomes } from '../helpers/pair_outcomes.ts'

const HARD = ['integral', 'theorem', 'kernel']
const EASY = ['weather', 'recipe', 'garden']

function outcomes(rows: number, seed: number): Outcomes {
  const random = createRandom(seed)
  return pairOutcomes(
    Array.from({ length: rows }, (_, i) => {
      const isHard = random() < 0.5
      const word = (isHard ? HARD : EASY)[Math.floor(random() * 3)]!
      return { prompt: `${word} number ${i}`, strong: 1, weak: Number(random() < (isHard ? 0.2 : 0.9)) }
    }),
  )
}

const resources = (checkpoint?: Checkpoint): Resources => ({
  seed: 0,
  embedder: () => Promise.reject(new Error('linear reads text')),
  checkpoint: async () => checkpoint!,
})
const checkpoint = await fit(outcomes(400, 1), resources())
const strategy = await create(resources(checkpoint))

test('learns which words make strong worth its price', async () => {
  const test = outcomes(400, 2)
  const points = curve(await strategy.winRate(test.prompts), test.strong, test.weak)
  expect(apgr(points, 1, test.weak.reduce((sum, score) => sum + score, 0) / 400)!).toBeGreaterThan(0.7)
})

test('win rates have the level of the data: ½ + ½ of what strong adds', async () => {
  const [hard, easy] = await strategy.winRate(['integral number 7', 'weather number 7'])
  expect(hard).toBeCloseTo(0.5 + 0.8 / 2, 1)
  expect(easy).toBeCloseTo(0.5 + 0.1 / 2, 1)
})

test('explains by the words that moved it, strongest first', async () => {
  const reasons = await strategy.explain!('an integral please')
  expect(reasons.slice(0, 6).some(({ name, weight }) => name === 'word "integral"' && weight > 0)).toBe(true)
  const weights = reasons.map(({ weight }) => Math.abs(weight))
  expect(weights).toEqual(weights.toSorted((a, b) => b - a))
})

test('reasons add up to the win rate', async () => {
  const { intercept } = checkpoint.metadata.options as { intercept: number }
  const all = (await strategy.explain!('weather')).reduce((sum, { weight }) => sum + weight, 0)
  const [winRate] = await strategy.winRate(['weather'])
  // Reasons of no weight may be cut off; the strongest dozen carry a prompt of one word.
  expect(0.5 + intercept / 2 + all).toBeCloseTo(winRate!, 1)
})

test('an intercept a source: pooling with a file where strong always wins teaches no set membership', async () => {
  const hard = outcomes(300, 3)
  const prompts = hard.prompts.map((_, i) => `zebra question ${i}`)
  const pooled: Outcomes = {
    ...hard,
    prompts: [...hard.prompts, ...prompts],
    ids: [...hard.ids, ...hard.ids],
    categories: [...hard.categories, ...hard.categories],
    strong: new Float64Array(600).fill(1),
    weak: Float64Array.from([...hard.weak, ...new Float64Array(300)]),
    source: Uint16Array.from({ length: 600 }, (_, i) => Number(i >= 300)),
    sources: [hard.sources[0]!, hard.sources[0]!],
  }
  const reasons = await (await create(resources(await fit(pooled, resources())))).explain!('zebra')
  for (const { weight } of reasons) expect(Math.abs(weight)).toBeLessThan(0.05)
})

test('a checkpoint of another feature version is refused', async () => {
  const old = { ...checkpoint, metadata: { ...checkpoint.metadata, featureVersion: 0 } }
  await expect(create(resources(old))).rejects.toThrow(
    'linear: expected a checkpoint of linear with feature version 1, got linear with 0. Train it again.',
  )
})

test('a checkpoint without its tensors is refused', async () => {
  await expect(create(resources({ ...checkpoint, tensors: {} }))).rejects.toThrow(
    'linear: expected the tensors weights, idf and statistics, got others. Train the checkpoint again.',
  )
})
