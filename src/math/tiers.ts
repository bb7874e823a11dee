/**
 * Groups players of similar rating: of all ways to cut the sorted ratings into `tiers` runs, the one with the least sum of
 * the runs' population variances (not weighted by size), by dynamic programming as RouteLLM's `compute_tiers`.
 * @param tiers at most 256.
 * @returns the tier of each player, 0 the strongest. With fewer players than tiers each is its own.
 */
export function assignTiers(ratings: Float64Array, tiers: number): Uint8Array {
  const players = ratings.length
  const order = Array.from(ratings, (_, i) => i).sort((a, b) => ratings[b]! - ratings[a]! || a - b)
  const cuts = bestCuts(
    order.map(player => ratings[player]!),
    Math.min(tiers, players),
  )
  const assigned = new Uint8Array(players)
  let tier = 0
  order.forEach((player, position) => {
    if (position === cuts[tier + 1]) tier++
    assigned[player] = tier
  })
  return assigned
}

/** Where each of `count` runs of the sorted values starts. */
function bestCuts(values: readonly number[], count: number): number[] {
  const n = values.length
  const starts: Int32Array[] = []
  let costs = new Float64Array(n + 1).fill(Number.POSITIVE_INFINITY)
  costs[0] = 0
  for (let run = 0; run < count; run++) {
    const next = new Float64Array(n + 1).fill(Number.POSITIVE_INFINITY)
    const start = new Int32Array(n + 1)
    for (let end = run + 1; end <= n; end++) {
      // Welford's update, the run growing to the left: the variance of equal values stays exactly 0.
      let mean = 0
      let squares = 0
      for (let from = end - 1; from >= run; from--) {
        const size = end - from
        const apart = values[from]! - mean
        mean += apart / size
        squares += apart * (values[from]! - mean)
        const cost = costs[from]! + squares / size
        if (cost < next[end]!) {
          next[end] = cost
          start[end] = from
        }
      }
    }
    starts.push(start)
    costs = next
  }
  const cuts: number[] = []
  let end = n
  for (let run = count - 1; run >= 0; run--) {
    end = starts[run]![end]!
    cuts.unshift(end)
  }
  return cuts
}
