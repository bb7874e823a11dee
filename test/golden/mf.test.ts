import { expect, test } from 'vitest'
import { foldPair } from '../../src/math/bilinear.ts'
import { sigmoid } from '../../src/math/probability.ts'
import { readGolden } from '../helpers/golden.ts'

interface Case {
  readonly hidden: number
  readonly dim: number
  readonly P: number[]
  readonly W: number[]
  readonly w: number[]
  readonly queries: { readonly e: number[]; readonly strong: number; readonly weak: number; readonly winRate: number }[]
}

test.each(readGolden<Case>('mf'))(
  'mf win rate: $hidden hidden, $dim dimensions',
  ({ P, W, w, dim, hidden, queries }) => {
    for (const { e, strong, weak, winRate } of queries) {
      const folded = foldPair(P, W, w, dim, hidden, strong, weak)
      const logOdds = folded.reduce((sum, value, d) => sum + value * e[d]!, 0)
      expect(sigmoid(logOdds)).toBeCloseTo(winRate, 7)
    }
  },
)
