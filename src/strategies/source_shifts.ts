import type { Outcomes } from '../types.ts'

/** What strong adds on each row, in −1..1; NaN where the pair was not measured. */
export function addedScores({ strong, weak }: Outcomes): Float64Array {
  return strong.map((score, row) => score - weak[row]!)
}

/**
 * How far the mean of strong − weak in each source stands above the mean over all rows. Taken off a row's own value it
 * leaves how hard the prompt is among those of its source, not which source it came from. All 0 with one source.
 */
export function sourceShifts(outcomes: Outcomes): Float64Array {
  const sums = new Float64Array(outcomes.sources.length)
  const counts = new Float64Array(outcomes.sources.length)
  for (const [row, added] of addedScores(outcomes).entries()) {
    if (Number.isNaN(added)) continue
    sums[outcomes.source[row]!]! += added
    counts[outcomes.source[row]!]!++
  }
  const mean =
    sums.reduce((a, b) => a + b, 0) /
    Math.max(
      1,
      counts.reduce((a, b) => a + b, 0),
    )
  return sums.map((sum, source) => (counts[source]! > 0 ? sum / counts[source]! - mean : 0))
}
