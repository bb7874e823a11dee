import { expect, test } from 'vitest'
import { createRandom } from '../../src/math/random.ts'
import { studentQuantile, welchDifference } from '../../src/math/welch.ts'

test.each([
  // As printed in tables of Student's t.
  [4, 2.776445],
  [5, 2.570582],
  [10, 2.228139],
  [19, 2.093024],
  [30, 2.042272],
  [120, 1.97993],
  [1e6, 1.959966],
])('the 97.5 %% quantile of t at %d degrees of freedom is %d', (freedom, expected) => {
  expect(Math.abs(studentQuantile(freedom) / expected - 1)).toBeLessThan(0.001)
})

test('by hand: variances 6 and 14, so 9.507 / 1.169 = 8.13 degrees of freedom', () => {
  const { value, low, high } = welchDifference({ values: [1, 2, 3, 4, 5, 6, 7, 8] }, { values: [2, 4, 6, 8, 10, 12] })
  expect(value).toBeCloseTo(2.5, 12)
  const error = 6 / 8 + 14 / 6
  const freedom = error ** 2 / ((6 / 8) ** 2 / 7 + (14 / 6) ** 2 / 5)
  expect(freedom).toBeCloseTo(8.13, 2)
  expect(high - value).toBeCloseTo(Math.sqrt(error) * studentQuantile(freedom), 12)
  expect(value - low).toBeCloseTo(high - value, 12)
})

test('covers the difference in 95 % of samples, whatever the spreads', () => {
  const random = createRandom(3)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  let covered = 0
  for (let run = 0; run < 4_000; run++) {
    const a = Array.from({ length: 25 }, () => normal())
    const b = Array.from({ length: 60 }, () => 0.5 + 3 * normal())
    const { low, high } = welchDifference({ values: a }, { values: b })
    if (low <= 0.5 && high >= 0.5) covered++
  }
  expect(Math.abs(covered / 4_000 - 0.95)).toBeLessThan(0.012)
})

test('what hangs together by key counts as one: still 95 %, where values taken for independent would say 80 %', () => {
  const random = createRandom(5)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const draw = (users: number, shift: number) => {
    const [values, keys]: [number[], string[]] = [[], []]
    for (let user = 0; user < users; user++) {
      const taste = shift + normal()
      for (let request = 0; request <= user % 7; request++) {
        values.push(taste + normal())
        keys.push(`u${user}`)
      }
    }
    return { values, keys }
  }
  let covered = 0
  let coveredAlone = 0
  for (let run = 0; run < 2_000; run++) {
    const [a, b] = [draw(60, 0), draw(90, 0.3)]
    const [by, alone] = [welchDifference(a, b), welchDifference({ values: a.values }, { values: b.values })]
    if (by.low <= 0.3 && by.high >= 0.3) covered++
    if (alone.low <= 0.3 && alone.high >= 0.3) coveredAlone++
  }
  expect(Math.abs(covered / 2_000 - 0.95)).toBeLessThan(0.02)
  expect(coveredAlone / 2_000).toBeLessThan(0.8)
})
