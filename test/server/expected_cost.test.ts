import { expect, test } from 'vitest'
import { expectedCost } from '../../src/server/expected_cost.ts'
import type { Decision, Model, PoolStatistics, RouteRequest } from '../../src/types.ts'

const MILLION = 1e6
const big: Model = { id: 'big', inputPrice: 10, outputPrice: 30 }
const small: Model = { id: 'small', inputPrice: 1, outputPrice: 2, maxOutputTokens: 400 }
const free: Model = { id: 'free' }
const turns = [{ role: 'user', text: 'x'.repeat(400) }]

const decided = (
  models: readonly Model[],
  request: Partial<RouteRequest> = {},
  decision: Partial<Decision> = { plan: 'single' },
) => ({
  request: { prompt: '', turns, ...request },
  decision: { models: models.slice(0, 1).map(({ id }) => id), ...decision } as Decision,
  models,
})
const cost = (
  of: ReturnType<typeof decided>,
  { body = {}, hasOutput = true, statistics }: { body?: object; hasOutput?: boolean; statistics?: PoolStatistics } = {},
) => expectedCost(of, body as Record<string, unknown>, hasOutput, statistics) * MILLION

test('text at the input price, and a thousand tokens where nothing says how long the answer gets', () => {
  expect(cost(decided([big]))).toBeCloseTo(100 * 10 + 1000 * 30)
  expect(cost(decided([big], { needs: { otherTokens: 765 } }))).toBeCloseTo(865 * 10 + 1000 * 30)
  expect(cost(decided([big]), { hasOutput: false })).toBeCloseTo(100 * 10)
})

test('the longest answer that the request allows, as often as it is asked for', () => {
  expect(cost(decided([big], { needs: { outputTokens: 50 } }))).toBeCloseTo(1000 + 50 * 30)
  expect(cost(decided([big], { needs: { outputTokens: 50 } }), { body: { n: 3 } })).toBeCloseTo(1000 + 150 * 30)
  for (const n of ['3', -3, 0, null]) expect(cost(decided([big]), { body: { n } })).toBeCloseTo(31_000)
})

test.each<[string, object, number]>([
  ['a list of prompts', { prompt: Array(100).fill('x') }, 100],
  ['each of them several times', { prompt: ['x', 'x'], n: 3 }, 6],
  ['the best of several, all of which are written', { prompt: 'x', n: 2, best_of: 5 }, 5],
  ['one prompt of token ids', { prompt: [1, 2, 3] }, 1],
  ['several of them', { prompt: [[1, 2], [3]] }, 2],
  ['no prompt', { prompt: [] }, 1],
])('Completions: %s', (_, body, answers) => {
  const request = { needs: { outputTokens: 10 } }
  expect(cost(decided([big], request), { body })).toBeCloseTo(1000 + answers * 10 * 30)
})

test('else the mean of its answers so far, and no more than the model gives', () => {
  const statistics = { of: () => ({ outputTokens: 200 }) } as unknown as PoolStatistics
  expect(cost(decided([big]), { statistics })).toBeCloseTo(1000 + 200 * 30)
  expect(cost(decided([big], { needs: { outputTokens: 5000 } }), { statistics })).toBeCloseTo(1000 + 5000 * 30)
  expect(cost(decided([small]))).toBeCloseTo(100 + 400 * 2)
})

test('the dearest of those that may take over, since it may be the one that answers', () => {
  expect(cost(decided([small, big]))).toBeCloseTo(31_000)
  expect(cost(decided([big, small]))).toBeCloseTo(31_000)
  expect(cost(decided([free, big]))).toBeCloseTo(31_000)
})

test('all models that a plan asks, each as often as it does, and nothing for those without prices', () => {
  const plan = (models: readonly Model[], decision: Partial<Decision>) =>
    cost(decided(models, {}, { models: models.slice(0, 2).map(({ id }) => id), ...decision }))
  expect(plan([big, small, big], { plan: 'all' })).toBeCloseTo(31_000 + 900)
  expect(plan([free, big], { plan: 'all' })).toBeCloseTo(31_000)
  const accept = { by: 'self_consistency', samples: 5, threshold: 0.5 } as const
  expect(plan([small, big], { plan: 'until_accepted', accept })).toBeCloseTo(5 * 900 + 31_000)
  expect(cost(decided([free]))).toBe(0)
})
