import { expect, test } from 'vitest'
import { meanCurve, pointAt } from '../../src/evaluation/mean_curve.ts'
import type { MeasuredPoint } from '../../src/evaluation/point_intervals.ts'

function points(...pairs: readonly (readonly [number | null, number, number])[]): MeasuredPoint[] {
  return pairs.map(([threshold, strongShare, quality]) => ({
    threshold,
    strongShare,
    quality,
    qualityLow: quality - 0.1,
    qualityHigh: quality + 0.1,
  }))
}

const straight = points([null, 0, 0.4], [0.5, 0.5, 0.6], [0.1, 1, 0.8])

test('one curve stays as it is, none stays none', () => {
  expect(meanCurve([straight])).toBe(straight)
  expect(meanCurve([])).toEqual([])
})

test('curves of equally many points: point by point, thresholds too', () => {
  const [first, middle, last] = meanCurve([straight, points([null, 0, 0.4], [0.7, 0.4, 0.7], [0.3, 1, 0.8])])
  expect(first).toMatchObject({ threshold: null, strongShare: 0, quality: 0.4 })
  expect(middle!.threshold).toBeCloseTo(0.6, 12)
  expect(middle!.strongShare).toBeCloseTo(0.45, 12)
  expect(middle!.quality).toBeCloseTo(0.65, 12)
  expect(last!.threshold).toBeCloseTo(0.2, 12)
})

test('curves of different numbers of points: at the tenths of strongShare', () => {
  const mean = meanCurve([straight, points([null, 0, 0.4], [0, 1, 0.8])])
  expect(mean.map(({ strongShare }) => strongShare)).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1])
  for (const { strongShare, quality, qualityLow, qualityHigh, threshold } of mean) {
    expect(quality).toBeCloseTo(0.4 + 0.4 * strongShare, 12)
    expect(qualityHigh - qualityLow).toBeCloseTo(0.2, 12)
    expect(threshold).toBeNull()
  }
})

test('between two points linear, beyond the ends the ends', () => {
  expect(pointAt(straight, 0.25).quality).toBeCloseTo(0.5, 12)
  expect(pointAt(straight, 0).quality).toBe(0.4)
  expect(pointAt(straight.slice(1), 0.2).quality).toBe(0.6)
  expect(pointAt(straight.slice(0, 2), 0.9).quality).toBe(0.6)
})
