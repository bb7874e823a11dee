import type { Model } from '../types.ts'
import { weightOf } from './single_decision.ts'

/** Turns in proportion to weights, spread as evenly as they can be. */
export interface SmoothTurns {
  /** Whose turn it is among `models`, which are not none. */
  next(models: readonly Model[]): Model
  /** How near a model is to its next turn, as next compares it: the higher, the sooner. */
  credit(model: Model): number
}

/**
 * nginx's smooth weighted round robin (ngx_http_upstream_round_robin.c): at each turn every model gains its weight, the one
 * with the most goes and pays the sum of all weights. Over as many turns as the weights sum to, each goes as often as its weight
 * says, and it never gets a whole turn ahead. Models that are left out of a turn neither gain nor pay.
 */
export function createSmoothTurns(): SmoothTurns {
  const credits = new Map<string, number>()
  return {
    next: models => {
      let total = 0
      let chosen = models[0]!
      let most = Number.NEGATIVE_INFINITY
      for (const model of models) {
        const weight = weightOf(model)
        total += weight
        const credit = (credits.get(model.id) ?? 0) + weight
        credits.set(model.id, credit)
        // Fractions such as 0.1 do not add up exactly: what is equal must stay equal.
        if (credit > most + total * 1e-9) {
          most = credit
          chosen = model
        }
      }
      credits.set(chosen.id, most - total)
      return chosen
    },
    credit: model => credits.get(model.id) ?? 0,
  }
}
