import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { curve } from '../../src/evaluation/curve.ts'
import { mean, outcomesOf } from '../helpers/outcome_arbitraries.ts'

describe('curve', () => {
  test('twenty rows: every decile by hand', () => {
    const winRates = Float64Array.from({ length: 20 }, (_, i) => i / 20)
    const strong = new Float64Array(20).fill(1)
    const weak = new Float64Array(20)
    const points = curve(winRates, strong, weak)
    const shares = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
    expect(points.map(point => point.strongShare)).toEqual(shares)
    expect(points.map(point => point.quality)).toEqual(shares)
    expect(points[0]!.threshold).toBeNull()
    expect(points[1]!.threshold).toBeCloseTo(0.855, 12)
    expect(points[10]!.threshold).toBe(0)
  })

  test('ties are one point: all rows at one win rate leave nothing and everything', () => {
    const points = curve(new Float64Array(7).fill(0.4), Float64Array.of(1, 1, 1, 1, 1, 1, 0), new Float64Array(7))
    expect(points).toEqual([
      { threshold: null, strongShare: 0, quality: 0 },
      { threshold: 0.4, strongShare: 1, quality: 6 / 7 },
    ])
  })

  test('of no rows has no points', () => {
    expect(curve(new Float64Array(0), new Float64Array(0), new Float64Array(0))).toEqual([])
  })

  test('runs from weak alone to strong alone, its thresholds falling and its shares not', () => {
    fc.assert(
      fc.property(outcomesOf({ minRows: 1, maxRows: 60 }), ({ winRates, strong, weak }) => {
        const points = curve(winRates, strong, weak)
        expect(points[0]).toEqual({ threshold: null, strongShare: 0, quality: mean(weak) })
        expect(points.at(-1)).toMatchObject({ strongShare: 1, quality: mean(strong) })
        for (let i = 1; i < points.length; i++) {
          expect(points[i]!.strongShare).toBeGreaterThanOrEqual(points[i - 1]!.strongShare)
          if (i > 1) expect(points[i]!.threshold!).toBeLessThan(points[i - 1]!.threshold!)
        }
      }),
    )
  })

  test('each point is what its threshold gives', () => {
    fc.assert(
      fc.property(outcomesOf({ minRows: 1, maxRows: 60 }), ({ winRates, strong, weak }) => {
        for (const { threshold, strongShare, quality } of curve(winRates, strong, weak).slice(1)) {
          const scores = Array.from(winRates, (rate, row) => (rate >= threshold! ? strong[row]! : weak[row]!))
          expect(quality).toBeCloseTo(mean(Float64Array.from(scores)), 12)
          expect(strongShare).toBe(winRates.filter(rate => rate >= threshold!).length / winRates.length)
        }
      }),
    )
  })
})
