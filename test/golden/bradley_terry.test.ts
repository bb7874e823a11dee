import { expect, test } from 'vitest'
import { fitBradleyTerry, sumWins } from '../../src/math/bradley_terry.ts'
import { pairWinRate } from '../../src/math/similarity_ratings.ts'
import { readGolden, scoreOf } from '../helpers/golden.ts'

interface Case {
  readonly name: string
  readonly players: number
  readonly a: number[]
  readonly b: number[]
  readonly winner: string[]
  readonly weights: number[] | null
  readonly ratings: number[]
  readonly winRates: number[][]
}

test.each(readGolden<Case>('bradley_terry'))('Bradley-Terry: $name', golden => {
  const score = golden.winner.map(winner => scoreOf[winner]!)
  const wins = sumWins({ a: golden.a, b: golden.b, score }, golden.players, golden.weights ?? undefined)
  const ratings = fitBradleyTerry(wins, golden.players)
  golden.winRates.forEach((row, strong) => {
    row.forEach((winRate, weak) => {
      expect(pairWinRate(ratings, strong, weak)).toBeCloseTo(winRate, 7)
    })
    // A point of rating moves a win rate by at most 0.0015.
    expect(ratings[strong]).toBeCloseTo(golden.ratings[strong]!, 4)
  })
})
