/** US dollars per 1,000 queries at which RouterArena's normalised cost is 0 and 1. */
const MOST = 200
const LEAST = 0.0044
/** Its weight of cost against accuracy. */
const BETA = 0.1

/**
 * RouterArena's score S = (1 + β)·A·C / (β·A + C) with β = 0.1 and C = (log2 200 − log2 c) / (log2 200 − log2 0.0044)
 * (arXiv 2510.00202). C is held within 0..1, so that nothing is gained below $0.0044 per 1,000 queries and S is 0 from $200 on.
 * @param accuracy mean score, 0..1.
 * @param costPer1000 US dollars per 1,000 queries, 0 or more.
 * @returns 0..1; the leaderboard shows 100 times that.
 */
export function routerArenaScore(accuracy: number, costPer1000: number): number {
  const cost = normalisedCost(costPer1000)
  const below = BETA * accuracy + cost
  return below === 0 ? 0 : ((1 + BETA) * accuracy * cost) / below
}

function normalisedCost(costPer1000: number): number {
  const share = (Math.log2(MOST) - Math.log2(costPer1000)) / (Math.log2(MOST) - Math.log2(LEAST))
  return Math.min(1, Math.max(0, share))
}
