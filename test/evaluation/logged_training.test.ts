import { expect, test } from 'vitest'
import { impliedPrices } from '../../src/evaluation/implied_prices.ts'
import { trainOnLog } from '../../src/evaluation/logged_training.ts'
import { fitDenseRidge, valueAt } from '../../src/math/dense_ridge.ts'
import { mean } from '../../src/math/mean.ts'
import { createRandom } from '../../src/math/random.ts'
import * as linear from '../../src/strategies/linear.ts'
import type { Outcomes } from '../../src/types.ts'
import { hashingResources } from '../helpers/hashing_resources.ts'
import { pairOutcomes } from '../helpers/pair_outcomes.ts'

const OPTIONS = { folds: 4, seed: 0, date: '2026-01-01' }
const HARD = ['theorem', 'integral', 'matrix']
const EASY = ['weather', 'recipe', 'garden']

/** All scores of two models of which `weak` fails on hard words. */
function whole(rows: number): Outcomes {
  const random = createRandom(5)
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)]!
  const isHard = Array.from({ length: rows }, () => random() < 0.5)
  const prompts = isHard.map((hard, i) => `tell me of the ${pick(hard ? HARD : EASY)} ${i}`)
  return pairOutcomes(
    prompts.map((prompt, i) => ({
      prompt,
      strong: Number(random() < 0.9),
      weak: Number(random() < (isHard[i] ? 0.2 : 0.9)),
    })),
  )
}

/** One score a row is left: that of strong where `isStrong`. */
function halved(outcomes: Outcomes, isStrong: (row: number) => boolean): Outcomes {
  const keep = (side: Float64Array, own: boolean) =>
    side.map((score, row) => (isStrong(row) === own ? score : Number.NaN))
  const { strong: s } = outcomes.sources[0]!
  const scores = outcomes.scores.map((score, at) => {
    const isSideOfStrong = at % outcomes.models.length === s
    return isStrong(Math.floor(at / outcomes.models.length)) === isSideOfStrong ? score : Number.NaN
  })
  return { ...outcomes, strong: keep(outcomes.strong, true), weak: keep(outcomes.weak, false), scores }
}

test('what chance left of the scores is enough to learn from, and means are without bias', async () => {
  const outcomes = whole(600)
  const random = createRandom(8)
  const isStrong = outcomes.prompts.map(() => random() < 0.3)
  const logged = { outcomes: halved(outcomes, row => isStrong[row]!), isRandom: isStrong.map(() => true) }
  const { checkpoint, tested, winRates } = await trainOnLog(linear, logged, hashingResources(), OPTIONS)
  expect(checkpoint.metadata.trainedOn).toMatchObject([{ rows: 600 }])
  expect(tested!.outcomes.prompts).toHaveLength(600)
  expect(Math.abs(mean(tested!.outcomes.strong) - mean(outcomes.strong))).toBeLessThan(0.05)
  expect(Math.abs(mean(tested!.outcomes.weak) - mean(outcomes.weak))).toBeLessThan(0.05)
  const of = (words: readonly string[]) =>
    mean(winRates.filter((_, row) => words.some(word => outcomes.prompts[row]!.includes(word))))
  expect(of(HARD) - of(EASY)).toBeGreaterThan(0.15)
})

test('where a router decided nothing is tested; prompts that know both models are, with their own scores', async () => {
  const outcomes = whole(300)
  const byRouter = halved(outcomes, row => row % 2 === 0)
  const none = await trainOnLog(
    linear,
    { outcomes: byRouter, isRandom: outcomes.prompts.map(() => false) },
    hashingResources(),
    OPTIONS,
  )
  expect(none.tested).toBeUndefined()
  const both = {
    ...byRouter,
    strong: byRouter.strong.slice(),
    weak: byRouter.weak.slice(),
    scores: byRouter.scores.slice(),
  }
  const width = outcomes.models.length
  for (let row = 0; row < 40; row++) {
    both.strong[row] = outcomes.strong[row]!
    both.weak[row] = outcomes.weak[row]!
    both.scores.set(outcomes.scores.subarray(row * width, (row + 1) * width), row * width)
  }
  const some = await trainOnLog(
    linear,
    { outcomes: both, isRandom: outcomes.prompts.map(() => false) },
    hashingResources(),
    OPTIONS,
  )
  expect(some.tested!.outcomes.prompts).toEqual(outcomes.prompts.slice(0, 40))
  expect([...some.tested!.outcomes.weak]).toEqual([...outcomes.weak.slice(0, 40)])
})

test('dense ridge finds the weights, and shrinks to the mean under a large penalty', () => {
  const random = createRandom(2)
  const vectors = Float32Array.from({ length: 400 }, () => random() - 0.5)
  const targets = Float64Array.from({ length: 200 }, (_, row) => 0.3 + 2 * vectors[2 * row]! - vectors[2 * row + 1]!)
  const rows = Int32Array.from(targets.keys())
  const fit = fitDenseRidge(vectors, 2, targets, rows, 1e-9)
  expect(fit.weights[0]).toBeCloseTo(2, 1)
  expect(valueAt(fit, vectors, 7)).toBeCloseTo(targets[7]!, 1)
  const flat = fitDenseRidge(vectors, 2, targets, rows, 1e9)
  expect(valueAt(flat, vectors, 7)).toBeCloseTo(mean(targets), 6)
})

test('prices that costs imply: exact where costs are of that form, and never below 0', () => {
  const tokens = [10, 20, 30, 40]
  const costs = Float64Array.from(tokens, count => (count * 2 + 300 * 8) / 1e6)
  const { inputPrice, outputPrice, outputTokens } = impliedPrices(tokens, costs)
  expect([inputPrice, outputPrice].map(price => Number(price!.toFixed(6)))).toEqual([2, 8])
  expect(outputTokens).toBe(300)
  const falling = impliedPrices(
    tokens,
    Float64Array.from(tokens, count => (100 - count) / 1e6),
  )
  expect(falling.inputPrice).toBe(0)
  expect(falling.outputPrice).toBeCloseTo(75 / 300, 9)
  const steep = impliedPrices(
    tokens,
    Float64Array.from(tokens, count => (count - 5) / 1e6),
  )
  expect(steep.outputPrice).toBe(0)
  expect(steep.inputPrice).toBeGreaterThan(0.8)
  expect(impliedPrices(tokens, new Float64Array(4).fill(Number.NaN))).toEqual({})
})
