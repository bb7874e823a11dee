import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { create } from '../../src/policies/consistent_hash.ts'
import { createHashRing } from '../../src/policies/hash_ring.ts'
import { countsOf, decideAll, modelsOf, partsOf, poolOf, requestsOf } from '../helpers/policy_parts.ts'

const policyOf = (pool: ReturnType<typeof poolOf>, options?: unknown) => create(partsOf(pool, options))
const ids = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 2, maxLength: 8 })

describe('balance', () => {
  test('at 200 virtual nodes each of 5 has 0.8 to 1.2 of its share of the ring in 99 % of rings', () => {
    const RINGS = 400
    let uneven = 0
    for (let ring = 0; ring < RINGS; ring++) {
      const { models } = poolOf(Array.from({ length: 5 }, (_, i) => `ring-${ring}-model-${i}`))
      if (Math.max(...sharesOf(createHashRing(models, 200)).map(share => Math.abs(share * 5 - 1))) > 0.2) uneven++
    }
    expect(uneven / RINGS).toBeLessThanOrEqual(0.01)
  })

  test('keys fall where the ring says, and shares follow weights', async () => {
    const pool = poolOf({ a: 1, b: 2, c: 1 })
    const counts = countsOf(await modelsOf(policyOf(pool), requestsOf(40_000), pool))
    expect(Math.abs(counts.a! / 10_000 - 1)).toBeLessThan(0.2)
    expect(Math.abs(counts.b! / 20_000 - 1)).toBeLessThan(0.2)
    expect(Math.abs(counts.c! / 10_000 - 1)).toBeLessThan(0.2)
  })

  test('a ring of enormous weights stays small', () => {
    const { points } = createHashRing(poolOf({ a: 100_000, b: 50_000, c: 1 }).models, 200)
    expect(points.length).toBe((2_000 + 1_000 + 1) * 4)
  })
})

describe('keys stay', () => {
  const requests = requestsOf(3_000)

  test('one model more moves at most 1.3/N of the keys, and only to itself', async () => {
    await fc.assert(
      fc.asyncProperty(ids, async names => {
        const [before, after] = [poolOf(names.slice(1)), poolOf(names)]
        const old = await modelsOf(policyOf(before), requests, before)
        const now = await modelsOf(policyOf(after), requests, after)
        const moved = now.filter((id, i) => id !== old[i])
        expect(new Set(moved)).toEqual(new Set([names[0]]))
        expect(moved.length / requests.length).toBeLessThanOrEqual(1.3 / names.length)
      }),
      { numRuns: 25 },
    )
  })

  test('one model less moves its own only', async () => {
    await fc.assert(
      fc.asyncProperty(ids, fc.nat(7), async (names, place) => {
        const gone = names[place % names.length]!
        const [before, after] = [poolOf(names), poolOf(names.filter(id => id !== gone))]
        const old = await modelsOf(policyOf(before), requests, before)
        const now = await modelsOf(policyOf(after), requests, after)
        for (const [i, id] of old.entries()) if (id !== gone) expect(now[i]).toBe(id)
        expect(now).not.toContain(gone)
      }),
      { numRuns: 25 },
    )
  })

  test('a model that cannot serve is as one that is gone: its keys go to the next on the ring, no other moves', async () => {
    const pool = poolOf(['a', 'b', 'c', 'd', 'e'])
    const candidates = pool.models.filter(({ id }) => id !== 'c')
    const policy = policyOf(pool)
    const without = await decideAll(policy, requestsOf(3_000, { candidates }), pool)
    const smaller = { models: candidates }
    expect(without.map(({ model }) => model)).toEqual(await modelsOf(policyOf(smaller), requests, smaller))
    const old = await decideAll(policy, requests, pool)
    for (const [i, { model, alternatives, reasons }] of without.entries()) {
      if (old[i]!.model === 'c') {
        expect(model).toBe(old[i]!.alternatives![0]!.model)
        expect(alternatives!.map(other => other.model)).not.toContain('c')
        expect(reasons![0]!.name).toBe('next on the ring, since the owner of its key cannot serve it')
      } else expect(model).toBe(old[i]!.model)
    }
  })

  test('whatever the order of the pool, and in another pool when it is asked about one', async () => {
    const pool = poolOf(['a', 'b', 'c', 'd'])
    const reversed = { models: pool.models.toReversed() }
    const chosen = await modelsOf(policyOf(pool), requests, pool)
    expect(await modelsOf(policyOf(reversed), requests, reversed)).toEqual(chosen)
    expect(await modelsOf(policyOf(poolOf(['x'])), requests, pool)).toEqual(chosen)
  })
})

test('the key decides, else the user, else the prompt', async () => {
  const pool = poolOf(['a', 'b', 'c', 'd', 'e', 'f', 'g'])
  const policy = policyOf(pool)
  const at = async (request: object) => (await modelsOf(policy, [{ prompt: 'p', ...request }], pool))[0]
  const byPrompt = await Promise.all(requestsOf(50).map(({ prompt }) => at({ prompt })))
  const byKey = await Promise.all(requestsOf(50).map(({ prompt }) => at({ key: prompt, user: 'u' })))
  const byUser = await Promise.all(requestsOf(50).map(({ prompt }) => at({ user: prompt })))
  expect(byKey).toEqual(byPrompt)
  expect(byUser).toEqual(byPrompt)
})

test('options that do not fit are refused', () => {
  const pool = poolOf(['a'])
  expect(() => policyOf(pool, { virtual_nodes: 0 })).toThrow(
    'policy consistent_hash: virtual_nodes: expected >=1, got 0.',
  )
  expect(() => policyOf(pool, { nodes: 3 })).toThrow('policy consistent_hash: nodes: unknown option.')
})

/** The length of ring that each model holds, as a share of all. */
function sharesOf({ models, points, owners }: ReturnType<typeof createHashRing>): number[] {
  const shares = models.map(() => 0)
  for (const [i, point] of points.entries()) {
    shares[owners[i]!]! += (point - (i === 0 ? points.at(-1)! - 2 ** 32 : points[i - 1]!)) / 2 ** 32
  }
  return shares
}
