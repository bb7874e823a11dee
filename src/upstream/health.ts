import type { BreakerOptions } from '../call_types.ts'
import { createStatistics, type LiveStatistics } from '../routing/statistics.ts'
import type { Endpoint, Model, PoolStatistics } from '../types.ts'
import { type Breaker, createBreaker } from './breaker.ts'

/** What is known of the models that are called: statistics, and a breaker each. */
export interface Health {
  readonly statistics: PoolStatistics
  /** To be kept up to date by whoever makes the attempts. */
  readonly live: LiveStatistics
  breaker(model: Model): Breaker
  /**
   * To be called when models or options have changed: a model with another endpoint than before gets a new breaker, closed; the
   * others go by the options from then on.
   */
  renew(models: readonly Model[], options: BreakerOptions): void
}

/** All models healthy at first. */
export function createHealth(first: BreakerOptions, now: () => number): Health {
  let options = first
  const live = createStatistics({ now })
  const breakers = new Map<string, { readonly breaker: Breaker; readonly at: string }>()
  const open = ({ id, endpoint }: Model) => {
    const breaker = createBreaker(options, now, (isOpen, reason) => {
      // What is still under way at an earlier endpoint says nothing of this one.
      if (breakers.get(id)?.breaker === breaker) live.setBreaker(id, isOpen, reason)
    })
    breakers.set(id, { breaker, at: textOf(endpoint) })
    return breaker
  }
  return {
    live,
    statistics: {
      of(model) {
        // A cool-down ends without anybody telling: whoever looks does.
        breakers.get(model)?.breaker.isOpen()
        return live.of(model)
      },
    },
    breaker(model) {
      const known = breakers.get(model.id)
      if (!known) return open(model)
      // Who began before the endpoint changed is let through, and what becomes of it counts for nobody.
      return known.at === textOf(model.endpoint) ? known.breaker : createBreaker(options, now)
    },
    renew(models, next) {
      options = next
      for (const { breaker } of breakers.values()) breaker.adjust(options)
      for (const model of models) {
        const known = breakers.get(model.id)
        if (!known || known.at === textOf(model.endpoint)) continue
        open(model)
        live.setBreaker(model.id, false)
      }
    },
  }
}

const texts = new WeakMap<Endpoint, string>()

/** The same for endpoints that are alike. */
function textOf(endpoint: Endpoint | undefined): string {
  if (!endpoint) return ''
  let text = texts.get(endpoint)
  if (text === undefined) {
    text = JSON.stringify(endpoint)
    texts.set(endpoint, text)
  }
  return text
}
