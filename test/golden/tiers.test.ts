import { expect, test } from 'vitest'
import { assignTiers } from '../../src/math/tiers.ts'
import { readGolden } from '../helpers/golden.ts'

interface Case {
  readonly ratings: number[]
  readonly count: number
  readonly tiers: number[]
}

test.each(readGolden<Case>('tiers'))('tiers: $count of $ratings.length', ({ ratings, count, tiers }) => {
  expect(Array.from(assignTiers(Float64Array.from(ratings), count))).toEqual(tiers)
})
