import type { CurvePoint } from './curve.ts'

/** Qualities, 0..1, that differ by no more are equal: their sums were only taken in another order. */
const ROUNDING = 1e-12

/** A curve without its thresholds: all that the metrics need. */
export type QualityPoint = Pick<CurvePoint, 'strongShare' | 'quality'>

/**
 * Average performance gap recovered: the area between the curve and the weak model's quality, as a share of the area between
 * strong and weak over the same span of strongShare, by trapezoids (RouteLLM's APGR). One half for routing at random;
 * below 0 and above 1 are possible and kept.
 * @param points by strongShare ascending.
 * @returns null where strong is no better than weak, or the points span nothing.
 */
export function apgr(points: readonly QualityPoint[], qualityStrong: number, qualityWeak: number): number | null {
  const gap = qualityStrong - qualityWeak
  const span = points.length === 0 ? 0 : points.at(-1)!.strongShare - points[0]!.strongShare
  if (!(gap > ROUNDING) || !(span > 0)) return null
  let area = 0
  for (let i = 1; i < points.length; i++) {
    const left = points[i - 1]!
    const right = points[i]!
    area += (right.strongShare - left.strongShare) * ((left.quality + right.quality) / 2 - qualityWeak)
  }
  return area / (gap * span)
}

/**
 * Call-performance threshold: the least strongShare at which the curve reaches `fraction` of the gap between weak and strong,
 * linear within the segment that crosses. RouteLLM looks it up with np.interp, which is undefined where quality goes down
 * with strongShare.
 * @param points by strongShare ascending.
 * @param fraction of the gap, in [0, 1] as a rule (CPT(50 %) is 0.5).
 * @returns null where the curve never gets there, or strong is no better than weak.
 */
export function cpt(
  points: readonly QualityPoint[],
  fraction: number,
  qualityStrong: number,
  qualityWeak: number,
): number | null {
  const gap = qualityStrong - qualityWeak
  if (!(gap > ROUNDING)) return null
  const target = qualityWeak + fraction * gap
  const crossing = points.findIndex(point => point.quality >= target - ROUNDING)
  if (crossing < 0) return null
  const right = points[crossing]!
  if (crossing === 0) return right.strongShare
  const left = points[crossing - 1]!
  const way = Math.min(1, (target - left.quality) / (right.quality - left.quality))
  return left.strongShare + way * (right.strongShare - left.strongShare)
}
