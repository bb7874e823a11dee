import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chancesOf, create } from '../../src/policies/stochastic.ts'
import type { Strategy } from '../../src/types.ts'
import { countsOf, decideAll, modelsOf, partsOf, poolOf, requestsOf } from '../helpers/policy_parts.ts'

const pool = poolOf(['a', 'b', 'c', 'd'])
const QUALITY = { a: 0.9, b: 0.8, c: 0.5, d: 0.75 }
const policyOf = (options: object, seed = 1) => create(partsOf(pool, { quality: QUALITY, ...options }, { seed }))

describe('chances', () => {
  const of = (options: object) => Array.from(chancesOf(Object.values(QUALITY), { temperature: 0.1, ...options }))
  const powers = [9, 8, 5, 7.5].map(Math.exp)

  test('are softmax(quality / temperature)', () => {
    const total = powers.reduce((a, b) => a + b)
    for (const [i, chance] of of({}).entries()) expect(chance).toBeCloseTo(powers[i]! / total, 12)
  })

  test('top_k keeps the k best', () => {
    const total = powers[0]! + powers[1]!
    expect(of({ top_k: 2 })).toEqual([
      expect.closeTo(powers[0]! / total, 12),
      expect.closeTo(powers[1]! / total, 12),
      0,
      0,
    ])
    expect(of({ top_k: 1 })).toEqual([1, 0, 0, 0])
    expect(of({ top_k: 9 })).toEqual(of({}))
  })

  test('top_p keeps the fewest, likeliest first, that sum to it', () => {
    // 0.622, 0.229, 0.139, 0.011
    expect(of({ top_p: 0.6 }).map(chance => chance > 0)).toEqual([true, false, false, false])
    expect(of({ top_p: 0.7 }).map(chance => chance > 0)).toEqual([true, true, false, false])
    expect(of({ top_p: 0.9 }).map(chance => chance > 0)).toEqual([true, true, false, true])
    expect(of({ top_p: 1 })).toEqual(of({}))
    expect(of({ top_k: 2, top_p: 0.7 }).map(chance => chance > 0)).toEqual([true, false, false, false])
  })

  test('temperature 0 takes the best; what is not known gets nothing', () => {
    expect(of({ temperature: 0 })).toEqual([1, 0, 0, 0])
    expect(Array.from(chancesOf([Number.NaN, 1, 1], { temperature: 1 }))).toEqual([0, 0.5, 0.5])
    expect(Array.from(chancesOf([Number.NaN], { temperature: 1 }))).toEqual([0])
  })

  test('sum to one, and never favour the worse, whatever the options', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 8 }),
        fc.double({ min: 0, max: 5, noNaN: true }),
        fc.integer({ min: 1, max: 9 }),
        fc.double({ min: 0.001, max: 1, noNaN: true }),
        (qualities, temperature, top_k, top_p) => {
          const chances = chancesOf(qualities, { temperature, top_k, top_p })
          expect(chances.reduce((a, b) => a + b)).toBeCloseTo(1, 9)
          expect(chances.filter(chance => chance > 0).length).toBeLessThanOrEqual(top_k)
          for (const [i, quality] of qualities.entries()) {
            for (const [j, other] of qualities.entries()) {
              if (quality > other) expect(chances[i]!).toBeGreaterThanOrEqual(chances[j]!)
            }
          }
        },
      ),
    )
  })
})

describe('frequencies', () => {
  const many = requestsOf(20_000)
  test.each([
    ['softmax', { temperature: 0.2 }],
    ['softmax, hot', { temperature: 2 }],
    ['top_k', { temperature: 0.3, top_k: 3 }],
    ['nucleus', { temperature: 0.3, top_p: 0.7 }],
    ['both', { temperature: 0.5, top_k: 3, top_p: 0.8 }],
  ])('%s: chi-square of 20,000 draws at four seeds', async (_, options) => {
    const chances = chancesOf(Object.values(QUALITY), options)
    for (const seed of [1, 2, 3, 4]) {
      const counts = countsOf(await modelsOf(await policyOf(options, seed), many, pool))
      let chiSquare = 0
      for (const [i, id] of Object.keys(QUALITY).entries()) {
        const expected = chances[i]! * 20_000
        if (expected === 0) expect(counts[id]).toBeUndefined()
        else chiSquare += ((counts[id] ?? 0) - expected) ** 2 / expected
      }
      // The 99.9 % quantile for 3 degrees of freedom, as many as there are at most.
      expect(chiSquare).toBeLessThan(16.3)
    }
  })

  test('the same request draws the same, another seed or key another', async () => {
    const requests = requestsOf(400)
    const chosen = await modelsOf(await policyOf({ temperature: 5 }), requests, pool)
    expect(await modelsOf(await policyOf({ temperature: 5 }), requests.toReversed(), pool)).toEqual(chosen.toReversed())
    const seeded = await modelsOf(await policyOf({ temperature: 5 }, 2), requests, pool)
    const keyed = await modelsOf(
      await policyOf({ temperature: 5 }),
      requests.map(({ prompt }) => ({ prompt, key: 'k' })),
      pool,
    )
    for (const others of [seeded, keyed]) {
      const same = others.filter((id, i) => id === chosen[i]).length / 400
      expect(Math.abs(same - 0.25)).toBeLessThan(0.1)
    }
  })
})

describe('quality', () => {
  const profiled = {
    models: [{ id: 'a', profile: { accuracy: 0.2, speed: 1 } }, { id: 'b', profile: { accuracy: 0.9 } }, { id: 'c' }],
  }
  const first = async (parts: Parameters<typeof create>[0], at: Parameters<typeof modelsOf>[2]) =>
    (await modelsOf(await create(parts), [{ prompt: 'x' }], at))[0]

  test('comes from the profile, by the score that is asked for', async () => {
    expect(await first(partsOf(profiled, { temperature: 0 }), profiled)).toBe('b')
    expect(await first(partsOf(profiled, { temperature: 0, profile: 'speed' }), profiled)).toBe('a')
    const [decision] = await decideAll(await create(partsOf(profiled, { temperature: 0 })), [{ prompt: 'x' }], profiled)
    expect(decision!.reasons).toEqual([{ kind: 'score', name: 'drawn, chance', weight: 1 }])
    expect(decision!.alternatives).toEqual([
      { model: 'a', score: 0, reason: 'cut off' },
      { model: 'c', reason: 'quality not known' },
    ])
  })

  test('else from the strategy: its quality of each model, or the win rate of a pair', async () => {
    const strategy = { winRate: async (prompts: readonly string[]) => new Float64Array(prompts.length).fill(0.8) }
    const learned: Strategy = {
      ...strategy,
      quality: async (prompts, models) =>
        Float64Array.from(prompts.flatMap(() => models.map(id => (id === 'c' ? 0.9 : 0.1)))),
    }
    const partsWith = (known: Strategy) =>
      partsOf(
        pool,
        { temperature: 0 },
        { strategy: async () => ({ strategy: known, strategyId: 's', threshold: 0.5 }) },
      )
    expect(await first(partsWith(learned), pool)).toBe('c')
    const pair = { strong: pool.models[3]!, weak: pool.models[0]! }
    expect(await first(partsWith(strategy), { ...pool, pair })).toBe('d')
    expect(await (await create(partsWith(strategy))).decide([{ prompt: 'x' }], pool)).toEqual([undefined])
  })

  test('of candidates only', async () => {
    const policy = await policyOf({ temperature: 3 })
    const candidates = [pool.models[2]!, pool.models[3]!]
    const counts = countsOf(await modelsOf(policy, requestsOf(200, { candidates }), pool))
    expect(Object.keys(counts).sort()).toEqual(['c', 'd'])
  })
})

test('options that do not fit are refused', async () => {
  await expect(policyOf({ top_p: 0 })).rejects.toThrow('policy stochastic: top_p: expected >0, got 0.')
  await expect(policyOf({ temperature: -1 })).rejects.toThrow('policy stochastic: temperature: expected >=0, got -1.')
  await expect(policyOf({ quality: { z: 1 } })).rejects.toThrow('policy stochastic: quality: Unknown model "z".')
})
