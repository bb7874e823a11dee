// round_robin and weighted_round_robin: exact turns.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { create as createRoundRobin } from '../../src/policies/round_robin.ts'
import { create as createWeighted } from '../../src/policies/weighted_round_robin.ts'
import { countsOf, decideAll, modelsOf, poolOf, requestsOf } from '../helpers/policy_parts.ts'

describe('round_robin', () => {
  const pool = poolOf(['a', 'b', 'c'])
  const [a, , c] = pool.models

  test('takes turns in the order of the pool, across batches', async () => {
    const policy = createRoundRobin()
    expect(await modelsOf(policy, requestsOf(2), pool)).toEqual(['a', 'b'])
    expect(await modelsOf(policy, requestsOf(5), pool)).toEqual(['c', 'a', 'b', 'c', 'a'])
  })

  test('each model gets as many as any other, give or take one, for any pool and batches', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.nat(9), { maxLength: 8 }),
        async (count, batches) => {
          const wide = poolOf(Array.from({ length: count }, (_, i) => `m${i}`))
          const policy = createRoundRobin()
          const chosen: string[] = []
          for (const size of batches) chosen.push(...(await modelsOf(policy, requestsOf(size), wide)))
          expect(chosen).toEqual(chosen.map((_, i) => `m${i % count}`))
        },
      ),
    )
  })

  test('passes over who cannot serve, and goes on from who did', async () => {
    const policy = createRoundRobin()
    const requests = [{ prompt: '1', candidates: [c!, a!] }, { prompt: '2', candidates: [c!, a!] }, { prompt: '3' }]
    expect(await modelsOf(policy, requests, pool)).toEqual(['a', 'c', 'a'])
  })

  test('says whose turn comes when', async () => {
    const [decision] = await decideAll(createRoundRobin(), requestsOf(1), pool)
    expect(decision).toEqual({
      model: 'a',
      models: ['a'],
      plan: 'single',
      policy: 'round_robin',
      reasons: [{ kind: 'rule', name: 'its turn', weight: 1 }],
      alternatives: [
        { model: 'b', reason: 'its turn comes next' },
        { model: 'c', reason: 'its turn comes after 1 more' },
      ],
    })
  })
})

describe('weighted_round_robin', () => {
  test('gives the turns that nginx documents for 5, 1 and 1', async () => {
    const pool = poolOf({ a: 5, b: 1, c: 1 })
    const policy = createWeighted()
    expect((await modelsOf(policy, requestsOf(7), pool)).join('')).toBe('aabacaa')
    expect((await modelsOf(policy, requestsOf(14), pool)).join('')).toBe('aabacaaaabacaa')
  })

  test('in every round each model gets exactly its weight, and is never a whole turn ahead of it', async () => {
    const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(weights, fc.integer({ min: 1, max: 3 }), async (all, rounds) => {
        const pool = poolOf(Object.fromEntries(all.map((weight, i) => [`m${i}`, weight])))
        const total = all.reduce((sum, weight) => sum + weight, 0)
        const chosen = await modelsOf(createWeighted(), requestsOf(total * rounds), pool)
        const seen = all.map(() => 0)
        for (const [i, id] of chosen.entries()) {
          seen[Number(id.slice(1))]!++
          for (const [m, weight] of all.entries()) {
            expect(seen[m]! - ((i + 1) * weight) / total).toBeLessThan(1)
          }
          if ((i + 1) % total === 0) expect(seen).toEqual(all.map(weight => (weight * (i + 1)) / total))
        }
      }),
    )
  })

  test('weights that are fractions count as what they are to each other', async () => {
    const [fractions, whole] = [poolOf({ a: 0.3, b: 0.1, c: 0.2 }), poolOf({ a: 3, b: 1, c: 2 })]
    const chosen = await modelsOf(createWeighted(), requestsOf(6_000), fractions)
    expect(chosen).toEqual(await modelsOf(createWeighted(), requestsOf(6_000), whole))
    expect(countsOf(chosen)).toEqual({ a: 3_000, b: 1_000, c: 2_000 })
  })

  test('who cannot serve neither gains nor pays', async () => {
    const pool = poolOf({ a: 2, b: 1, c: 1 })
    const policy = createWeighted()
    const without = requestsOf(300, { candidates: pool.models.slice(0, 2) })
    expect(countsOf(await modelsOf(policy, without, pool))).toEqual({ a: 200, b: 100 })
    expect(countsOf(await modelsOf(policy, requestsOf(400), pool))).toEqual({ a: 200, b: 100, c: 100 })
  })
})
