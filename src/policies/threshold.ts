import { UsageError } from '../errors.ts'
import type { Decision, Policy } from '../types.ts'
import type { PolicyParts } from './registry.ts'

/** The one comparison of the project: strong iff `winRate >= threshold`. */
export function isStrong(winRate: number, threshold: number): boolean {
  return winRate >= threshold
}

/** Routes by threshold over a pool that names its pair. Throws UsageError where the threshold is NaN or the pool has no pair. */
export async function create({ strategy: open }: Pick<PolicyParts, 'strategy'>): Promise<Policy> {
  const { strategy, strategyId, threshold } = await open()
  if (Number.isNaN(threshold)) throw new UsageError('threshold: expected a number, got NaN.')
  return {
    async decide(requests, { pair }) {
      if (!pair) {
        throw new UsageError(
          'policy threshold: expected a pair, strong and weak, got none. Name it in llmroute.yaml (pair) or with --strong and --weak.',
        )
      }
      const winRates = await strategy.winRate(requests.map(request => request.prompt))
      return requests.map(({ candidates }, i): Decision | undefined => {
        const winRate = winRates[i]!
        const order = isStrong(winRate, threshold) ? [pair.strong, pair.weak] : [pair.weak, pair.strong]
        const [chosen, other] = candidates ? order.filter(({ id }) => candidates.some(model => model.id === id)) : order
        if (!chosen) return undefined
        return {
          model: chosen.id,
          models: [chosen.id],
          plan: 'single',
          policy: 'threshold',
          strategy: strategyId,
          winRate,
          threshold,
          alternatives: other ? [{ model: other.id }] : [],
        }
      })
    },
  }
}
