import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assignTiers } from '../../src/math/tiers.ts'

const ratingsOf = (maxLength: number) =>
  fc.array(fc.integer({ min: 600, max: 1400 }), { minLength: 1, maxLength }).map(list => Float64Array.from(list))

function variance(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
}

function costOf(ratings: Float64Array, assigned: ArrayLike<number>): number {
  const groups = new Map<number, number[]>()
  ratings.forEach((rating, i) => {
    groups.set(assigned[i]!, [...(groups.get(assigned[i]!) ?? []), rating])
  })
  return [...groups.values()].reduce((sum, group) => sum + variance(group), 0)
}

/** The least cost over all ways to cut the sorted ratings, by trying them all. */
function leastCost(sorted: readonly number[], tiers: number): number {
  if (tiers === 1) return variance(sorted)
  let least = Number.POSITIVE_INFINITY
  for (let cut = 1; cut <= sorted.length - tiers + 1; cut++) {
    least = Math.min(least, variance(sorted.slice(0, cut)) + leastCost(sorted.slice(cut), tiers - 1))
  }
  return least
}

describe('assignTiers', () => {
  test('groups what is near, the strongest first, in the order given', () => {
    expect(Array.from(assignTiers(Float64Array.of(900, 1200, 905, 1000, 1210, 1004), 3))).toEqual([2, 0, 2, 1, 0, 1])
  })

  test('does not weigh a tier by its size', () => {
    // By size the four of the middle would be kept together; by plain variances a lone pair is as dear as a crowd.
    const ratings = Float64Array.of(1000, 1000, 1000, 1000, 1000, 1010, 1100, 1112)
    expect(Array.from(assignTiers(ratings, 3))).toEqual([2, 2, 2, 2, 2, 2, 1, 0])
  })

  test('fewer players than tiers: each its own', () => {
    expect(Array.from(assignTiers(Float64Array.of(1, 3, 2), 10))).toEqual([2, 0, 1])
    expect(Array.from(assignTiers(new Float64Array(0), 10))).toEqual([])
  })

  test('no other cut is cheaper', () => {
    fc.assert(
      fc.property(ratingsOf(9), fc.integer({ min: 1, max: 4 }), (ratings, tiers) => {
        const count = Math.min(tiers, ratings.length)
        const sorted = Array.from(ratings).sort((a, b) => b - a)
        expect(costOf(ratings, assignTiers(ratings, tiers))).toBeCloseTo(leastCost(sorted, count), 6)
      }),
    )
  })

  test('every tier has someone, and no player stands above a stronger one', () => {
    fc.assert(
      fc.property(ratingsOf(40), fc.integer({ min: 1, max: 12 }), (ratings, tiers) => {
        const assigned = assignTiers(ratings, tiers)
        expect(new Set(assigned).size).toBe(Math.min(tiers, ratings.length))
        for (let i = 0; i < ratings.length; i++) {
          for (let j = 0; j < ratings.length; j++) {
            if (ratings[i]! > ratings[j]!) expect(assigned[i]!).toBeLessThanOrEqual(assigned[j]!)
          }
        }
      }),
    )
  })
})
