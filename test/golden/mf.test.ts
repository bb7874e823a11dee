import { expect, test } from 'vitest'
import { foldPair } from '../../src/math/bilinear.ts'
import { sigmoid } from '../../src/math/probability.ts'
import { type MfCase, readGolden } from '../helpers/golden.ts'

test.each(readGolden<MfCase>('mf'))(
  'mf win rate: $hidden hidden, $dim dimensions',
  ({ P, W, w, dim, hidden, queries }) => {
    for (const { e, strong, weak, winRate } of queries) {
      const folded = foldPair(P, W, w, dim, hidden, strong, weak)
      const logOdds = folded.reduce((sum, value, d) => sum + value * e[d]!, 0)
      expect(sigmoid(logOdds)).toBeCloseTo(winRate, 7)
    }
  },
)
