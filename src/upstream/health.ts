import type { BreakerOptions } from '../call_types.ts'
import { createStatistics, type LiveStatistics } from '../routing/statistics.ts'
import type { PoolStatistics } from '../types.ts'
import { type Breaker, createBreaker } from './breaker.ts'

/** What is known of the models that are called: statistics, and a breaker each. */
export interface Health {
  readonly statistics: PoolStatistics
  /** To be kept up to date by whoever makes the attempts. */
  readonly live: LiveStatistics
  breaker(model: string): Breaker
}

/** All models healthy at first. */
export function createHealth(options: BreakerOptions, now: () => number): Health {
  const live = createStatistics({ now })
  const breakers = new Map<string, Breaker>()
  return {
    live,
    statistics: {
      of(model) {
        // A cool-down ends without anybody telling: whoever looks does.
        breakers.get(model)?.isOpen()
        return live.of(model)
      },
    },
    breaker(model) {
      let breaker = breakers.get(model)
      if (!breaker) {
        breaker = createBreaker(options, now, (isOpen, reason) => live.setBreaker(model, isOpen, reason))
        breakers.set(model, breaker)
      }
      return breaker
    },
  }
}
