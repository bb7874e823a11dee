import { expect, test } from 'vitest'
import { battlesOf } from '../../src/strategies/battles.ts'
import { sourceShifts } from '../../src/strategies/source_shifts.ts'
import type { Outcomes } from '../../src/types.ts'
import { syntheticOutcomes } from '../helpers/outcomes.ts'

const wide = syntheticOutcomes({ rows: 50, models: ['a', 'b', 'c', 'd', 'e'], unknown: 0.2 })
const scoreAt = (row: number, model: number) => wide.scores[row * 5 + model]!

test('every battle is one of two known scores: ½ + ½ of their difference', () => {
  const { rows, a, b, score } = battlesOf(wide, 99, 0)
  for (const [i, row] of rows.entries()) {
    expect(score[i]).toBe(0.5 + (scoreAt(row, a[i]!) - scoreAt(row, b[i]!)) / 2)
  }
  const known = wide.prompts.map((_, row) => [0, 1, 2, 3, 4].filter(m => !Number.isNaN(scoreAt(row, m))).length)
  expect(rows).toHaveLength(known.reduce((sum, count) => sum + (count * (count - 1)) / 2, 0))
})

test('no row has more than its share, and its own pair is among them', () => {
  const { rows, a, b } = battlesOf(wide, 3, 0)
  for (const row of wide.prompts.keys()) {
    const places = Array.from(rows.keys()).filter(i => rows[i] === row)
    expect(places.length).toBeLessThanOrEqual(3)
    if (Number.isNaN(scoreAt(row, 4) - scoreAt(row, 0))) continue
    expect(places.some(i => a[i] === 4 && b[i] === 0)).toBe(true)
    expect(new Set(places.map(i => `${a[i]} ${b[i]}`)).size).toBe(places.length)
  }
})

test('the draw hangs on the seed alone', () => {
  expect(battlesOf(wide, 3, 1)).toEqual(battlesOf(wide, 3, 1))
  expect(battlesOf(wide, 3, 1)).not.toEqual(battlesOf(wide, 3, 2))
})

test('with two sources each loses its distance from the mean of all', () => {
  const one = syntheticOutcomes({ rows: 4 })
  const outcomes: Outcomes = {
    ...one,
    strong: Float64Array.of(1, 1, 1, Number.NaN),
    weak: Float64Array.of(0, 0, 1, 1),
    scores: Float64Array.of(0, 1, 0, 1, 1, 1, 1, Number.NaN),
    source: Uint16Array.of(0, 0, 1, 1),
    sources: [one.sources[0]!, { ...one.sources[0]!, name: 'other' }],
  }
  const [first, second] = sourceShifts(outcomes)
  expect(first).toBeCloseTo(1 - 2 / 3, 12)
  expect(second).toBeCloseTo(0 - 2 / 3, 12)
  expect(Array.from(battlesOf(outcomes, 6, 0).score)).toEqual([
    expect.closeTo(5 / 6, 6),
    expect.closeTo(5 / 6, 6),
    expect.closeTo(5 / 6, 6),
  ])
  expect(Array.from(sourceShifts(one))).toEqual([0])
})
