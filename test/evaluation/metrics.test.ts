import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { curve } from '../../src/evaluation/curve.ts'
import { apgr, cpt } from '../../src/evaluation/metrics.ts'
import { createRandom } from '../../src/math/random.ts'
import { distinctOutcomesOf, mean, outcomesOf, type Rows } from '../helpers/outcome_arbitraries.ts'

function apgrOf({ winRates, strong, weak }: Rows): number | null {
  return apgr(curve(winRates, strong, weak), mean(strong), mean(weak))
}

describe('apgr', () => {
  test('of a straight line is one half, of a step at once 1, of a step at the end 0', () => {
    const at = (...points: [number, number][]) => points.map(([strongShare, quality]) => ({ strongShare, quality }))
    expect(apgr(at([0, 0.4], [0.5, 0.6], [1, 0.8]), 0.8, 0.4)).toBeCloseTo(0.5, 12)
    expect(apgr(at([0, 0.4], [0, 0.8], [1, 0.8]), 0.8, 0.4)).toBeCloseTo(1, 12)
    expect(apgr(at([0, 0.4], [1, 0.4], [1, 0.8]), 0.8, 0.4)).toBeCloseTo(0, 12)
    // A curve over a part of the shares is judged on that part.
    expect(apgr(at([0.2, 0.5], [0.6, 0.7]), 0.8, 0.4)).toBeCloseTo(0.5, 12)
  })

  test('is not clamped: a router better than strong alone goes above 1, a perverse one below 0', () => {
    const strong = Float64Array.from({ length: 100 }, (_, i) => (i % 10 < 6 ? 1 : 0))
    const weak = Float64Array.from({ length: 100 }, (_, i) => (i % 10 < 6 ? 0 : 1))
    const gain = strong.map((score, i) => 0.5 + (score - weak[i]!) / 4)
    expect(apgrOf({ winRates: gain, strong, weak })!).toBeGreaterThan(1)
    expect(apgrOf({ winRates: gain.map(rate => 1 - rate), strong, weak })!).toBeLessThan(0)
  })

  test('is null where strong is no better, and where the curve spans nothing', () => {
    fc.assert(
      fc.property(outcomesOf({ minRows: 1, maxRows: 30 }), rows => {
        const isBetter = mean(rows.strong) > mean(rows.weak)
        expect(apgrOf(rows) === null).toBe(!isBetter)
        expect(
          cpt(curve(rows.winRates, rows.strong, rows.weak), 0.5, mean(rows.strong), mean(rows.weak)) === null,
        ).toBe(!isBetter)
      }),
    )
    expect(apgr([], 0.8, 0.4)).toBeNull()
    // Equal but for the order in which they were summed.
    expect(apgr(curve(Float64Array.of(0, 1), Float64Array.of(0, 1), Float64Array.of(0, 1)), 0.3, 0.1 + 0.2)).toBeNull()
    expect(apgr(curve(Float64Array.of(0, 1), Float64Array.of(0, 1), Float64Array.of(0, 1)), 0.1 + 0.2, 0.3)).toBeNull()
    expect(apgr([{ strongShare: 0.5, quality: 0.6 }], 0.8, 0.4)).toBeNull()
  })

  test('only the order of the win rates counts', () => {
    const transforms = [(x: number) => x ** 3, (x: number) => 1 / (1 + Math.exp(-9 * x)), (x: number) => 0.2 + x / 7]
    fc.assert(
      fc.property(outcomesOf({ minRows: 2, maxRows: 80 }), fc.constantFrom(...transforms), (rows, transform) => {
        const moved = apgrOf({ ...rows, winRates: rows.winRates.map(transform) })
        if (moved === null) expect(apgrOf(rows)).toBeNull()
        else expect(moved).toBeCloseTo(apgrOf(rows)!, 12)
      }),
    )
  })

  test('reversed win rates give 1 − APGR, where rows are a multiple of ten and no two tie', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }).chain(tens => distinctOutcomesOf({ minRows: tens * 10, maxRows: tens * 10 })),
        rows => {
          fc.pre(mean(rows.strong) - mean(rows.weak) > 1e-6)
          const reversed = apgrOf({ ...rows, winRates: rows.winRates.map(rate => 1 - rate) })
          expect(reversed! + apgrOf(rows)!).toBeCloseTo(1, 9)
        },
      ),
    )
  })

  test('no router beats the oracle, which ranks by what strong really adds', () => {
    fc.assert(
      fc.property(distinctOutcomesOf({ minRows: 2, maxRows: 80 }), rows => {
        fc.pre(mean(rows.strong) > mean(rows.weak))
        // A hair apart, so that the oracle has no ties either and both curves stand on the same shares.
        const oracle = rows.strong.map((score, i) => score - rows.weak[i]! + i * 1e-9)
        expect(apgrOf({ ...rows, winRates: oracle })! - apgrOf(rows)!).toBeGreaterThan(-1e-9)
      }),
    )
  })

  test('routing at random gives one half', () => {
    const rows = 20_000
    const random = createRandom(5)
    const draw = (chance: number) => Float64Array.from({ length: rows }, () => (random() < chance ? 1 : 0))
    const strong = draw(0.81)
    const weak = draw(0.68)
    // RouteLLM's own random router has a standard deviation of .010 at 9,847 rows of such outcomes.
    expect(Math.abs(apgrOf({ winRates: draw(1).map(random), strong, weak })! - 0.5)).toBeLessThan(0.04)
  })
})

describe('cpt', () => {
  const points = [
    { strongShare: 0, quality: 0.4 },
    { strongShare: 0.2, quality: 0.7 },
    { strongShare: 0.5, quality: 0.5 },
    { strongShare: 1, quality: 0.8 },
  ]

  test('is the first crossing, linear within its segment', () => {
    expect(cpt(points, 0.5, 0.8, 0.4)).toBeCloseTo(0.4 / 3, 9)
    expect(cpt(points, 0.75, 0.8, 0.4)).toBeCloseTo(0.2, 9)
    expect(cpt(points, 0.9, 0.8, 0.4)).toBeCloseTo(0.5 + (0.26 / 0.3) * 0.5, 9)
    expect(cpt(points, 0, 0.8, 0.4)).toBe(0)
    expect(cpt(points, 1, 0.8, 0.4)).toBe(1)
  })

  test('is null where the curve never gets there', () => {
    expect(cpt(points, 1.01, 0.8, 0.4)).toBeNull()
    expect(cpt(points.slice(0, 3), 0.9, 0.8, 0.4)).toBeNull()
    expect(cpt([], 0.5, 0.8, 0.4)).toBeNull()
  })

  test('grows with the fraction, and the whole gap is reached by sending everything', () => {
    const fraction = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(outcomesOf({ minRows: 1, maxRows: 60 }), fraction, fraction, (rows, a, b) => {
        fc.pre(mean(rows.strong) > mean(rows.weak))
        const at = (share: number) =>
          cpt(curve(rows.winRates, rows.strong, rows.weak), share, mean(rows.strong), mean(rows.weak))!
        expect(at(Math.min(a, b))).toBeLessThanOrEqual(at(Math.max(a, b)) + 1e-12)
        expect(at(1)).toBeLessThanOrEqual(1)
      }),
    )
  })
})
