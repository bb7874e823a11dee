import { mean } from '../math/mean.ts'
import type { MeasuredPoint } from './point_intervals.ts'

/**
 * The mean of several curves, each by strongShare ascending: point by point where they have equally many, else at the
 * tenths of strongShare, where a mean has no threshold. One curve stays as it is.
 */
export function meanCurve(curves: readonly (readonly MeasuredPoint[])[]): readonly MeasuredPoint[] {
  const [first, ...others] = curves
  if (!first || others.length === 0) return first ?? []
  if (others.every(other => other.length === first.length)) {
    return first.map((point, i) => {
      const same = curves.map(points => points[i]!)
      return { ...meanPoint(same), threshold: point.threshold === null ? null : mean(same.map(p => p.threshold!)) }
    })
  }
  return Array.from({ length: 11 }, (_, tenth) => {
    const strongShare = tenth / 10
    return {
      ...meanPoint(curves.map(points => pointAt(points, strongShare))),
      strongShare,
      threshold: null,
    }
  })
}

/** The curve at a strongShare within its span, linear between its points; its ends beyond. */
export function pointAt(points: readonly MeasuredPoint[], strongShare: number): MeasuredPoint {
  const next = points.findIndex(point => point.strongShare >= strongShare)
  if (next === 0) return points[0]!
  if (next < 0) return points.at(-1)!
  const left = points[next - 1]!
  const right = points[next]!
  const way = (strongShare - left.strongShare) / (right.strongShare - left.strongShare)
  const between = (a: number, b: number) => a + way * (b - a)
  return {
    threshold: null,
    strongShare,
    quality: between(left.quality, right.quality),
    qualityLow: between(left.qualityLow, right.qualityLow),
    qualityHigh: between(left.qualityHigh, right.qualityHigh),
  }
}

function meanPoint(points: readonly MeasuredPoint[]): MeasuredPoint {
  return {
    threshold: null,
    strongShare: mean(points.map(point => point.strongShare)),
    quality: mean(points.map(point => point.quality)),
    qualityLow: mean(points.map(point => point.qualityLow)),
    qualityHigh: mean(points.map(point => point.qualityHigh)),
  }
}
