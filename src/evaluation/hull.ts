/** What answering costs and earns. Costs in any one unit, 0 or more. */
export interface CostQuality {
  readonly cost: number
  readonly quality: number
}

/**
 * The non-decreasing convex hull of RouterBench (arXiv 2403.12031, section 3): the best that mixing the points at random
 * reaches at each cost. From the cheapest point upwards, each dearer point better than those before, slopes falling.
 * @returns points by cost ascending; none where there are none.
 */
export function costQualityHull<P extends CostQuality>(points: readonly P[]): P[] {
  const hull: P[] = []
  for (const point of points.toSorted((a, b) => a.cost - b.cost || b.quality - a.quality)) {
    const last = hull.at(-1)
    if (last && point.quality <= last.quality) continue
    while (hull.length >= 2 && !isAbove(hull.at(-1)!, hull.at(-2)!, point)) hull.pop()
    hull.push(point)
  }
  return hull
}

/**
 * Quality of a line through points at a cost: linear between them, level beyond the dearest, and below the cheapest on the
 * way to the router that answers nothing, at cost and quality 0, as RouterBench extrapolates.
 * @param line by cost ascending, at least one point.
 */
export function qualityAt(line: readonly CostQuality[], cost: number): number {
  const next = line.findIndex(point => point.cost >= cost)
  if (next < 0) return line.at(-1)!.quality
  const right = line[next]!
  const left = line[next - 1] ?? NOTHING
  return right.cost === left.cost
    ? right.quality
    : left.quality + ((cost - left.cost) / (right.cost - left.cost)) * (right.quality - left.quality)
}

/**
 * RouterBench's AIQ, average improvement in quality: the area under the hull of the points between two costs, divided by
 * their distance. Where the two are one, the quality there.
 * @param range default: from the cheapest to the dearest of the points.
 * @returns NaN where there are no points.
 */
export function aiq(points: readonly CostQuality[], range = rangeOf(points)): number {
  return points.length === 0 ? Number.NaN : meanUnder(costQualityHull(points), range)
}

/** The mean quality of a line between two costs, by trapezoids; its ends as in `qualityAt`. */
export function meanUnder(line: readonly CostQuality[], { low, high }: CostRange): number {
  if (!(high > low)) return qualityAt(line, low)
  const inside = line.filter(({ cost }) => cost > low && cost < high)
  const points = [
    { cost: low, quality: qualityAt(line, low) },
    ...inside,
    { cost: high, quality: qualityAt(line, high) },
  ]
  let area = 0
  for (let i = 1; i < points.length; i++) {
    const [left, right] = [points[i - 1]!, points[i]!]
    area += ((right.cost - left.cost) * (left.quality + right.quality)) / 2
  }
  return area / (high - low)
}

/** Two costs between which lines are compared. */
export interface CostRange {
  readonly low: number
  readonly high: number
}

/** From the cheapest to the dearest of the points. */
export function rangeOf(points: readonly CostQuality[]): CostRange {
  const costs = points.map(({ cost }) => cost)
  return { low: Math.min(...costs), high: Math.max(...costs) }
}

const NOTHING: CostQuality = { cost: 0, quality: 0 }

/** Whether `middle` lies above the straight line from `left` to `right`. */
function isAbove(middle: CostQuality, left: CostQuality, right: CostQuality): boolean {
  return (
    (middle.quality - left.quality) * (right.cost - left.cost) >
    (right.quality - left.quality) * (middle.cost - left.cost)
  )
}
