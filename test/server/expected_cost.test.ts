import { expect, test } from 'vitest'
import { expectedCost } from '../../src/server/expected_cost.ts'
import type { Decision, Model, PoolStatistics, RouteRequest } from '../../src/types.ts'

const MILLION = 1e6
const big: Model = { id: 'big', inputPrice: 10, outputPrice: 30 }
const small: Model = { id: 'small', inputPrice: 1, outputPrice: 2, maxOutputTokens: 400 }
const free: Model = { id: 'free' }
const turns = [{ role: 'user', text: 'x'.repeat(400) }]

const decided = (models: readonly Model[], chosen = 1, request: Partial<RouteRequest> = {}) => ({
  request: { prompt: '', turns, ...request },
  decision: { models: models.slice(0, chosen).map(({ id }) => id) } as unknown as Decision,
  models,
})
const cost = (
  of: ReturnType<typeof decided>,
  { body = {}, hasOutput = true, statistics }: { body?: object; hasOutput?: boolean; statistics?: PoolStatistics } = {},
) => expectedCost(of, body as Record<string, unknown>, hasOutput, statistics) * MILLION

test('text at the input price, and a thousand tokens where nothing says how long the answer gets', () => {
  expect(cost(decided([big, small]))).toBeCloseTo(100 * 10 + 1000 * 30)
  expect(cost(decided([big], 1, { needs: { otherTokens: 765 } }))).toBeCloseTo(865 * 10 + 1000 * 30)
  expect(cost(decided([big]), { hasOutput: false })).toBeCloseTo(100 * 10)
})

test('the longest answer that the request allows, as often as it is asked for', () => {
  expect(cost(decided([big], 1, { needs: { outputTokens: 50 } }))).toBeCloseTo(1000 + 50 * 30)
  expect(cost(decided([big], 1, { needs: { outputTokens: 50 } }), { body: { n: 3 } })).toBeCloseTo(1000 + 150 * 30)
  for (const n of ['3', -3, 0, null]) expect(cost(decided([big]), { body: { n } })).toBeCloseTo(31_000)
})

test('else the mean of its answers so far, and no more than the model gives', () => {
  const statistics = { of: () => ({ outputTokens: 200 }) } as unknown as PoolStatistics
  expect(cost(decided([big]), { statistics })).toBeCloseTo(1000 + 200 * 30)
  expect(cost(decided([big], 1, { needs: { outputTokens: 5000 } }), { statistics })).toBeCloseTo(1000 + 5000 * 30)
  expect(cost(decided([small]))).toBeCloseTo(100 + 400 * 2)
})

test('all models that a plan asks, and nothing for those without prices', () => {
  expect(cost(decided([big, small], 2))).toBeCloseTo(31_000 + 900)
  expect(cost(decided([free, big], 2))).toBeCloseTo(31_000)
  expect(cost(decided([free, big]))).toBe(0)
})
