import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { create } from '../../src/policies/best_value.ts'
import type { ThresholdStrategy } from '../../src/policies/registry.ts'
import type { Checkpoint, Model, ModelStatistics, Pool, Strategy } from '../../src/types.ts'
import { partsOf } from '../helpers/policy_parts.ts'

/** Prices of a dollar a million tokens of input make `inputTokens` millionths of a dollar. */
const model = (id: string, price?: number, accuracy?: number): Model => ({
  id,
  ...(price === undefined ? {} : { inputPrice: price, outputPrice: 0 }),
  ...(accuracy === undefined ? {} : { profile: { accuracy } }),
})
const needs = { inputTokens: 1e6 }

/** Knows models by a table of qualities, the same for each prompt. */
function knowing(table: Readonly<Record<string, number>>): ThresholdStrategy {
  const strategy: Strategy = {
    winRate: async prompts => new Float64Array(prompts.length).fill(0.5),
    quality: async (prompts, models) =>
      Float64Array.from(
        prompts.flatMap(() =>
          models.map(id => {
            if (!Object.hasOwn(table, id)) throw new Error(`asked for ${id}`)
            return table[id]!
          }),
        ),
      ),
  }
  const metadata = { models: Object.keys(table) } as unknown as Checkpoint['metadata']
  return { strategy, strategyId: 'mf', threshold: 0.5, checkpoint: { metadata } }
}
const winning = (winRate: number): ThresholdStrategy => ({
  strategy: { winRate: async prompts => new Float64Array(prompts.length).fill(winRate) },
  strategyId: 'linear',
  threshold: 0.5,
})

async function decideOne(pool: Pool, options: unknown, ready?: ThresholdStrategy) {
  const policy = await create(partsOf(pool, options, ready ? { strategy: async () => ready } : {}))
  return (await policy.decide([{ prompt: 'p', needs }], pool))[0]
}

describe('largest quality − λ · cost', () => {
  const pool = { models: [model('dear', 10), model('fair', 2), model('cheap', 1)] }
  const ready = knowing({ dear: 0.9, fair: 0.8, cheap: 0.5 })

  test.each([
    [0, 'dear'],
    [0.01, 'dear'],
    [0.05, 'fair'],
    [0.4, 'cheap'],
  ])('λ of %d: %s', async (lambda, chosen) => {
    expect((await decideOne(pool, { lambda }, ready))!.model).toBe(chosen)
  })

  test('with quality, cost and the score of every other', async () => {
    expect(await decideOne(pool, { lambda: 0.05 }, ready)).toEqual({
      model: 'fair',
      models: ['fair'],
      plan: 'single',
      policy: 'best_value',
      cost: 2,
      reasons: [
        { kind: 'score', name: 'quality − 0.05 × cost', weight: 0.8 - 0.1 },
        { kind: 'score', name: 'quality, predicted by mf', weight: 0.8 },
        { kind: 'score', name: 'cost in US dollars', weight: 2 },
      ],
      alternatives: [
        { model: 'dear', score: 0.9 - 0.5, cost: 10 },
        { model: 'cheap', score: 0.5 - 0.05, cost: 1 },
      ],
    })
  })

  test('whatever the numbers', async () => {
    const offer = fc.record({ price: fc.nat(20), quality: fc.double({ min: 0, max: 1, noNaN: true }) })
    await fc.assert(
      fc.asyncProperty(
        fc.array(offer, { minLength: 1, maxLength: 5 }),
        fc.double({ min: 0, max: 2, noNaN: true }),
        async (offers, lambda) => {
          const models = offers.map(({ price }, i) => model(`m${i}`, price))
          const table = Object.fromEntries(offers.map(({ quality }, i) => [`m${i}`, quality]))
          const decision = await decideOne({ models }, { lambda }, knowing(table))
          const worth = offers.map(({ price, quality }) => quality - lambda * price)
          expect(worth[models.findIndex(({ id }) => id === decision!.model)]).toBe(Math.max(...worth))
        },
      ),
    )
  })

  test('of equals the cheaper', async () => {
    expect((await decideOne(pool, {}, knowing({ dear: 0.8, fair: 0.8, cheap: 0.8 })))!.model).toBe('cheap')
  })
})

describe('quality', () => {
  test('is of the profile where the strategy does not know the model', async () => {
    const pool = { models: [model('a', 1, 0.1), model('b', 1, 0.7), model('c', 1)] }
    expect(await decideOne(pool, {}, knowing({ a: 0.6 }))).toMatchObject({
      model: 'b',
      reasons: [
        { name: 'quality, of profile.accuracy', weight: 0.7 },
        { name: 'cost in US dollars', weight: 1 },
      ],
      alternatives: [
        { model: 'a', score: 0.6 },
        { model: 'c', cost: 1, reason: 'quality not known' },
      ],
    })
  })

  test('is of the profile alone where that is asked for, without opening a strategy', async () => {
    const pool = { models: [model('a', 1, 0.1), model('b', 1, 0.7)] }
    expect((await decideOne(pool, { quality: 'profile' }))!.model).toBe('b')
  })

  test.each([
    [0.6, 'a'],
    [0.4, 'b'],
  ])('of a pair is its win rate: %d', async (winRate, chosen) => {
    const [a, b] = [model('a'), model('b')]
    const pool = { models: [a, b], pair: { strong: a, weak: b } }
    expect(await decideOne(pool, {}, winning(winRate))).toMatchObject({
      model: chosen,
      reasons: [{ name: 'quality, by the win rate of linear', weight: 0.6 }],
    })
  })

  test('of a pair in a larger pool counts only where no model has an accuracy', async () => {
    const [a, b] = [model('a'), model('b')]
    const pair = { strong: a, weak: b }
    expect((await decideOne({ models: [a, b, model('c', 1, 0.3)], pair }, {}, winning(0.9)))!.model).toBe('c')
    expect((await decideOne({ models: [a, b, model('c')], pair }, {}, winning(0.9)))!.model).toBe('a')
  })

  test('that is not known of any model is no answer', async () => {
    const pool = { models: [model('a', 1)] }
    const policy = await create(partsOf(pool, {}, { strategy: async () => winning(0.5) }))
    expect(await policy.decide([{ prompt: 'p', needs }], pool)).toEqual([undefined])
    expect(policy.noAnswer!({ prompt: 'p' })).toBe(
      'policy best_value: the quality of no model that can serve this request is known. Train a strategy on outcomes of the models, name the pair, or give the models profile.accuracy.',
    )
  })
})

describe('a cost that is not known', () => {
  test('passes the model over while another cost is known', async () => {
    const pool = { models: [model('a', undefined, 0.9), model('b', 1, 0.2)] }
    expect(await decideOne(pool, { lambda: 0.1, quality: 'profile' })).toMatchObject({
      model: 'b',
      alternatives: [{ model: 'a', reason: 'price not known' }],
    })
  })

  test('of all models leaves quality alone, and says so', async () => {
    const pool = { models: [model('a', undefined, 0.9), model('b', undefined, 0.2)] }
    expect(await decideOne(pool, { lambda: 0.1, quality: 'profile' })).toMatchObject({
      model: 'a',
      reasons: [{ name: 'quality alone: no cost is known' }, { weight: 0.9 }],
    })
  })

  test('is the measured mean where there is one', async () => {
    const statistics = {
      of: (id: string) => ({ cost: id === 'a' ? 5 : Number.NaN, outputTokens: Number.NaN }) as ModelStatistics,
    }
    const pool = { models: [model('a', undefined, 0.9), model('b', 1, 0.8)], statistics }
    expect(await decideOne(pool, { lambda: 0.1, quality: 'profile' })).toMatchObject({
      model: 'b',
      alternatives: [{ model: 'a', cost: 5 }],
    })
  })
})

test.each([
  [{ lambda: -1 }, 'policy best_value: lambda: expected >=0, got -1.'],
  [{ lamda: 1 }, 'policy best_value: lamda: unknown option.'],
])('%j is refused', async (options, message) => {
  await expect(create(partsOf({ models: [] }, options))).rejects.toThrow(message)
})
