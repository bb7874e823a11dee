import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fitBradleyTerry, sumWins } from '../../src/math/bradley_terry.ts'

/** Square tables where every pair has met, with wins on both sides. */
const tables = fc.integer({ min: 2, max: 7 }).chain(players =>
  fc
    .array(fc.double({ min: 0.1, max: 100, noNaN: true }), {
      minLength: players * players,
      maxLength: players * players,
    })
    .map(cells => ({ players, wins: Float64Array.from(cells) })),
)

const expectedScore = (a: number, b: number) => 1 / (1 + 10 ** ((b - a) / 400))

describe('fitBradleyTerry', () => {
  test('two players: the odds are the wins', () => {
    const [a, b] = fitBradleyTerry(Float64Array.of(0, 3, 1, 0), 2)
    expect(expectedScore(a!, b!)).toBeCloseTo(0.75, 9)
    expect(a! + b!).toBeCloseTo(2000, 9)
  })

  test("at the optimum each player's expected wins are its wins", () => {
    fc.assert(
      fc.property(tables, ({ players, wins }) => {
        const ratings = fitBradleyTerry(wins, players)
        for (let i = 0; i < players; i++) {
          let surplus = 0
          let met = 0
          for (let j = 0; j < players; j++) {
            if (i === j) continue
            const battles = wins[i * players + j]! + wins[j * players + i]!
            surplus += wins[i * players + j]! - battles * expectedScore(ratings[i]!, ratings[j]!)
            met += battles
          }
          expect(Math.abs(surplus / met)).toBeLessThan(1e-7)
        }
        expect(ratings.reduce((sum, rating) => sum + rating, 0) / players).toBeCloseTo(1000, 8)
      }),
    )
  })

  test('the scale of the weights, and battles of a player with itself, change nothing', () => {
    fc.assert(
      fc.property(tables, fc.double({ min: 1e-6, max: 1e6, noNaN: true }), ({ players, wins }, scale) => {
        const ratings = fitBradleyTerry(wins, players)
        const scaled = fitBradleyTerry(
          wins.map((cell, i) => (i % (players + 1) === 0 ? 5 : cell * scale)),
          players,
        )
        scaled.forEach((rating, i) => {
          expect(rating).toBeCloseTo(ratings[i]!, 5)
        })
      }),
    )
  })

  test('unbeaten and winless players stay finite, and in order', () => {
    const wins = Float64Array.of(0, 5000, 8000, 0, 0, 900, 0, 300, 0)
    const ratings = fitBradleyTerry(wins, 3)
    expect(ratings.every(Number.isFinite)).toBe(true)
    expect(ratings[0]!).toBeGreaterThan(ratings[1]! + 1000)
    expect(expectedScore(ratings[1]!, ratings[2]!)).toBeCloseTo(0.75, 5)
  })

  test('a chain of hopeless odds does not make it overshoot', () => {
    const players = 10
    const wins = new Float64Array(players * players)
    for (let i = 0; i + 1 < players; i++) {
      wins[i * players + i + 1] = 1e6
      wins[(i + 1) * players + i] = 1
    }
    const ratings = fitBradleyTerry(wins, players)
    for (let i = 0; i + 1 < players; i++) {
      expect((ratings[i]! - ratings[i + 1]!) / 2400).toBeCloseTo(1, 2)
    }
  })

  test('without battles everybody is average', () => {
    expect(Array.from(fitBradleyTerry(new Float64Array(9), 3))).toEqual([1000, 1000, 1000])
    const lonely = fitBradleyTerry(Float64Array.of(0, 3, 0, 3, 0, 0, 0, 0, 0), 3)
    expect(lonely[2]).toBeCloseTo(1000, 9)
  })
})

describe('sumWins', () => {
  test('a tie is half a win each way, a weight multiplies', () => {
    const battles = { a: [0, 1, 1], b: [1, 0, 2], score: [1, 0.5, 0] }
    expect(Array.from(sumWins(battles, 3))).toEqual([0, 1.5, 0, 0.5, 0, 0, 0, 1, 0])
    expect(Array.from(sumWins(battles, 3, [2, 4, 3]))).toEqual([0, 4, 0, 2, 0, 0, 0, 3, 0])
  })

  test('turning a battle round changes nothing', () => {
    const there = sumWins({ a: [0, 2], b: [1, 1], score: [0.25, 1] }, 3)
    expect(sumWins({ a: [1, 1], b: [0, 2], score: [0.75, 0] }, 3)).toEqual(there)
  })
})
