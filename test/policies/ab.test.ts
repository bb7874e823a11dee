import { describe, expect, test } from 'vitest'
import { create } from '../../src/policies/ab.ts'
import { countsOf, decideAll, modelsOf, partsOf, poolOf, requestsOf } from '../helpers/policy_parts.ts'

const pool = poolOf(['a', 'b', 'c'])
const policyOf = (options?: unknown, seed = 1) => create(partsOf(pool, options, { seed }))
const SPLIT = { a: 0.7, b: 0.2, c: 0.1 }

describe('the split', () => {
  test.each([1, 2, 3, 4, 5])('is met within sampling error: chi-square of 30,000 keys, seed %i', async seed => {
    const counts = countsOf(await modelsOf(policyOf({ split: SPLIT }, seed), requestsOf(30_000), pool))
    // The 99.9 % quantile for 2 degrees of freedom.
    expect(chiSquare(counts, SPLIT)).toBeLessThan(13.8)
  })

  test('counts against itself only: 7 to 2 to 1 is 0.7 to 0.2 to 0.1', async () => {
    const requests = requestsOf(500)
    const chosen = await modelsOf(policyOf({ split: { a: 7, b: 2, c: 1 } }), requests, pool)
    expect(chosen).toEqual(await modelsOf(policyOf({ split: SPLIT }), requests, pool))
  })

  test('leaves out models without a share; by default it is the pool by weight', async () => {
    expect(countsOf(await modelsOf(policyOf({ split: { b: 1 } }), requestsOf(50), pool))).toEqual({ b: 50 })
    const weighted = poolOf({ a: 3, b: 1 })
    const counts = countsOf(await modelsOf(create(partsOf(weighted)), requestsOf(10_000), weighted))
    expect(chiSquare(counts, { a: 0.75, b: 0.25 })).toBeLessThan(10.8)
  })
})

describe('arms stick', () => {
  test('to the key, whatever else the request says and whatever came before', async () => {
    const policy = policyOf({ split: SPLIT })
    const chosen = await modelsOf(policy, requestsOf(300), pool)
    const again = requestsOf(300, { prompt: 'another', user: 'u' }).toReversed()
    expect(await modelsOf(policy, again, pool)).toEqual(chosen.toReversed())
    expect(await modelsOf(policyOf({ split: SPLIT }), requestsOf(300), pool)).toEqual(chosen)
  })

  test('to the user without a key, to the prompt without both', async () => {
    const policy = policyOf({ split: SPLIT })
    const byKey = await modelsOf(policy, requestsOf(300), pool)
    const users = requestsOf(300).map(({ prompt }, i) => ({ prompt: `${i} times`, user: prompt }))
    const prompts = requestsOf(300).map(({ prompt }) => ({ prompt }))
    expect(await modelsOf(policy, users, pool)).toEqual(byKey)
    expect(await modelsOf(policy, prompts, pool)).toEqual(byKey)
  })

  test('when shares of two arms change, only those move whose share moved', async () => {
    const before = await modelsOf(policyOf({ split: { a: 0.5, b: 0.5 } }), requestsOf(5_000), pool)
    const after = await modelsOf(policyOf({ split: { a: 0.6, b: 0.4 } }), requestsOf(5_000), pool)
    const moved = after.filter((id, i) => id !== before[i])
    expect(new Set(moved)).toEqual(new Set(['a']))
    expect(Math.abs(moved.length / 5_000 - 0.1)).toBeLessThan(0.02)
  })

  test('another salt or seed draws anew: who was in an arm says nothing', async () => {
    const half = { split: { a: 0.5, b: 0.5 } }
    const first = await modelsOf(policyOf(half), requestsOf(10_000), pool)
    for (const other of [policyOf({ ...half, salt: 'second' }), policyOf(half, 2)]) {
      const second = await modelsOf(other, requestsOf(10_000), pool)
      const same = second.filter((id, i) => id === first[i]).length
      expect(Math.abs(same / 10_000 - 0.5)).toBeLessThan(0.02)
    }
  })

  test('where an arm cannot serve, its keys go to the others by their shares, and nobody else moves', async () => {
    const policy = policyOf({ split: { a: 0.5, b: 0.3, c: 0.2 } })
    const before = await modelsOf(policy, requestsOf(20_000), pool)
    const candidates = pool.models.slice(1)
    const after = await modelsOf(policy, requestsOf(20_000, { candidates }), pool)
    for (const [i, id] of before.entries()) if (id !== 'a') expect(after[i]).toBe(id)
    const moved = countsOf(after.filter((_, i) => before[i] === 'a'))
    expect(chiSquare(moved, { b: 0.6, c: 0.4 })).toBeLessThan(10.8)
  })
})

test('no answer where no arm can serve', async () => {
  const requests = requestsOf(1, { candidates: pool.models.slice(2) })
  expect(await policyOf({ split: { a: 1, b: 1 } }).decide(requests, pool)).toEqual([undefined])
})

test('says the share of its arm and of the others', async () => {
  const [decision] = await decideAll(policyOf({ split: { a: 3, b: 1 } }), [{ prompt: 'x', key: 'r0' }], pool)
  const [own, other] = decision!.model === 'a' ? [0.75, 0.25] : [0.25, 0.75]
  expect(decision!.reasons).toEqual([{ kind: 'rule', name: 'the arm of its key, share', weight: own }])
  expect(decision!.alternatives).toEqual([
    { model: decision!.model === 'a' ? 'b' : 'a', score: other, reason: 'another arm' },
    { model: 'c', score: 0, reason: 'no share in the split' },
  ])
})

test('options that do not fit are refused', () => {
  expect(() => policyOf({ split: { d: 1 } })).toThrow('policy ab: split: Unknown model "d". Available: a, b, c.')
  expect(() => policyOf({ split: { a: 0 } })).toThrow('policy ab: split: expected a share above 0, got none.')
  expect(() => policyOf({ split: {} })).toThrow('policy ab: split: expected a share above 0, got none.')
  expect(() => policyOf({ split: { a: -1 } })).toThrow('policy ab: split.a: expected >=0, got -1.')
  expect(() => policyOf({ splits: {} })).toThrow('policy ab: splits: unknown option.')
})

function chiSquare(counts: Readonly<Record<string, number>>, shares: Readonly<Record<string, number>>): number {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
  return Object.entries(shares).reduce(
    (sum, [id, share]) => sum + ((counts[id] ?? 0) - share * total) ** 2 / (share * total),
    0,
  )
}
