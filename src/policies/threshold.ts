import { UsageError } from '../errors.ts'
import type { Decision, Policy } from '../types.ts'
import type { PolicyParts } from './registry.ts'

/** The one comparison of the project: strong iff `winRate >= threshold`. */
export function isStrong(winRate: number, threshold: number): boolean {
  return winRate >= threshold
}

/** Routes by threshold over a pool that names its pair. Throws UsageError where the threshold is NaN or the pool has no pair. */
export function create({ strategy, strategyId, threshold }: PolicyParts): Policy {
  if (Number.isNaN(threshold)) throw new UsageError('threshold: expected a number, got NaN.')
  return {
    async decide(requests, pool) {
      const { pair } = pool
      if (!pair) throw new UsageError('policy threshold: expected a pool with a strong and a weak model, got none.')
      const winRates = await strategy.winRate(requests.map(request => request.prompt))
      return Array.from(winRates, (winRate): Decision => {
        const [chosen, other] = isStrong(winRate, threshold) ? [pair.strong, pair.weak] : [pair.weak, pair.strong]
        return {
          model: chosen.id,
          models: [chosen.id],
          plan: 'single',
          policy: 'threshold',
          strategy: strategyId,
          winRate,
          threshold,
          alternatives: [{ model: other.id }],
        }
      })
    },
  }
}
