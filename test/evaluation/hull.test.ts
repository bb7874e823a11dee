import { expect, test } from 'vitest'
import { aiq, costQualityHull, meanUnder, qualityAt, rangeOf } from '../../src/evaluation/hull.ts'
import { routerArenaScore } from '../../src/evaluation/router_arena.ts'
import { createRandom } from '../../src/math/random.ts'

const at = (cost: number, quality: number) => ({ cost, quality })

test('the hull leaves out what a mix of others beats, what is dearer and worse, and what costs the same for less', () => {
  const points = [at(3, 0.9), at(1, 0.5), at(2, 0.6), at(4, 0.8), at(1, 0.4), at(2.5, 0.85)]
  expect(costQualityHull(points)).toEqual([at(1, 0.5), at(2.5, 0.85), at(3, 0.9)])
  expect(costQualityHull([])).toEqual([])
})

test('the hull is non-decreasing and concave, and no point lies above it', () => {
  const random = createRandom(7)
  for (let draw = 0; draw < 200; draw++) {
    const points = Array.from({ length: 1 + Math.floor(random() * 12) }, () => at(random(), random()))
    const hull = costQualityHull(points)
    const slopes = hull.slice(1).map((point, i) => (point.quality - hull[i]!.quality) / (point.cost - hull[i]!.cost))
    expect(slopes.every(slope => slope > 0)).toBe(true)
    expect(slopes.toSorted((a, b) => b - a)).toEqual(slopes)
    for (const { cost, quality } of points) {
      if (cost >= hull[0]!.cost) expect(qualityAt(hull, cost)).toBeGreaterThanOrEqual(quality - 1e-12)
    }
  }
})

test('quality between points is linear, level beyond the last, and on the way to nothing before the first', () => {
  const line = [at(2, 0.6), at(4, 0.8)]
  expect([0, 1, 2, 3, 4, 9].map(cost => Number(qualityAt(line, cost).toFixed(12)))).toEqual([
    0, 0.3, 0.6, 0.7, 0.8, 0.8,
  ])
})

test('AIQ is the area under the hull divided by the range of costs', () => {
  expect(aiq([at(1, 0.5), at(3, 0.9)])).toBeCloseTo(0.7, 12)
  expect(aiq([at(1, 0.5), at(2, 0.9), at(3, 0.7)])).toBeCloseTo((0.7 + 0.9) / 2, 12)
  expect(aiq([at(1, 0.5), at(3, 0.9)], { low: 1, high: 5 })).toBeCloseTo((0.7 * 2 + 0.9 * 2) / 4, 12)
  expect(aiq([at(2, 0.4)])).toBe(0.4)
  expect(aiq([])).toBeNaN()
})

test('the mean under a line agrees with a fine sum', () => {
  const line = [at(0.3, 0.2), at(0.7, 0.5), at(1.1, 0.55)]
  const range = { low: 0.1, high: 2 }
  const steps = 200_000
  let sum = 0
  for (let i = 0; i < steps; i++) sum += qualityAt(line, range.low + ((i + 0.5) / steps) * (range.high - range.low))
  expect(meanUnder(line, range)).toBeCloseTo(sum / steps, 8)
  expect(rangeOf(line)).toEqual({ low: 0.3, high: 1.1 })
})

test("RouterArena's score as its formula has it, with cost held within its bounds", () => {
  const byHand = (a: number, c: number) => {
    const C = (Math.log2(200) - Math.log2(c)) / (Math.log2(200) - Math.log2(0.0044))
    return (1.1 * a * C) / (0.1 * a + C)
  }
  expect(routerArenaScore(0.7, 1)).toBeCloseTo(byHand(0.7, 1), 12)
  expect(routerArenaScore(0.7, 1)).toBeCloseTo(0.6744, 4)
  expect(routerArenaScore(0.7, 0.0044)).toBeCloseTo(byHand(0.7, 0.0044), 12)
  expect(routerArenaScore(0.7, 0.0001)).toBe(routerArenaScore(0.7, 0.0044))
  expect(routerArenaScore(0.7, 0)).toBe(routerArenaScore(0.7, 0.0044))
  expect([routerArenaScore(0.7, 200), routerArenaScore(0.7, 900), routerArenaScore(0, 200)]).toEqual([0, 0, 0])
  expect(routerArenaScore(1, 0.0044)).toBeCloseTo(1, 12)
})
