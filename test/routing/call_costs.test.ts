import { expect, test } from 'vitest'
import { createCostAccount } from '../../src/routing/call_costs.ts'
import type { Model } from '../../src/types.ts'

const big: Model = { id: 'big', inputPrice: 10, outputPrice: 100 }
const small: Model = { id: 'small', inputPrice: 1, outputPrice: 10 }
const call = (model: string, inputTokens: number, outputTokens: number, cost: number | null) => ({
  ...{ model, purpose: 'answer' as const, inputTokens, outputTokens, cost },
})
const row = (model: string, inputTokens: number, outputTokens: number, cost: number | null) => ({
  model,
  calls: [call(model, inputTokens, outputTokens, cost)],
})

test('rows of a model count as they cost, others with its price and the mean length of its answers', () => {
  const account = createCostAccount([big, small], { strong: big, weak: small })
  account.add(row('big', 1000, 200, 0.03))
  account.add(row('small', 3000, 100, 0.004))
  account.add(row('small', 2000, 300, 0.005))
  const { cost, baselines, ...tokens } = account.summary()
  expect(cost).toBeCloseTo(0.039, 12)
  expect(tokens).toEqual({ inputTokens: 6000, outputTokens: 600 })
  expect(baselines.map(({ name, model }) => [name, model])).toEqual([
    ['all strong', 'big'],
    ['all weak', 'small'],
  ])
  // 0.03 + (5,000 × 10 + 2 × 200 × 100) / 1e6; 0.009 + (1,000 × 1 + 200 × 10) / 1e6.
  expect(baselines.map(({ cost }) => cost)).toEqual([expect.closeTo(0.12, 12), expect.closeTo(0.012, 12)])
})

test('where a model answered nothing: configured lengths, else those of all answers', () => {
  const account = (other: Model) => {
    const made = createCostAccount([other, small])
    made.add(row('small', 1000, 100, 0.002))
    return made.summary().baselines.find(({ model }) => model === 'big')?.cost
  }
  expect(account({ ...big, outputTokens: 500 })).toBeCloseTo(0.06, 12)
  expect(account(big)).toBeCloseTo(0.02, 12)
})

test('without a pair the dearest and the cheapest; a model without a price stands for none', () => {
  const account = createCostAccount([small, big, { id: 'unpriced' }])
  account.add(row('small', 1000, 100, 0.002))
  expect(account.summary().baselines).toMatchObject([
    { name: 'all at the dearest', model: 'big' },
    { name: 'all at the cheapest', model: 'small', cost: 0.002 },
  ])
})

test('a cost that is not known makes the sum so; of several calls all count, but the row once', () => {
  const account = createCostAccount([big, small], { strong: big, weak: small })
  account.add({
    model: 'small',
    calls: [
      call('big', 1000, 200, 0.03),
      call('small', 1000, 100, 0.002),
      { model: 'judge', purpose: 'judge', inputTokens: 500, outputTokens: 1, cost: null },
    ],
  })
  const { cost, inputTokens, baselines } = account.summary()
  expect([cost, inputTokens]).toEqual([null, 2500])
  expect(baselines.map(({ cost }) => cost)).toEqual([expect.closeTo(0.03, 12), expect.closeTo(0.002, 12)])
  expect(createCostAccount([big, small]).summary()).toEqual({ cost: 0, inputTokens: 0, outputTokens: 0, baselines: [] })
})
