import type { Model, Pool, RouteRequest } from '../types.ts'
import { expectedQuality } from './expected_quality.ts'
import type { ThresholdStrategy } from './registry.ts'

/** Predicted quality of models on some requests. */
export interface Qualities {
  /** In 0..1 of a model on a request by its number; NaN where not known. */
  of(row: number, model: Model): number
  /** Where a model's quality comes from, as a phrase. */
  source(model: Model): string
}

/** Predicts the quality of every model of the pool on every request. */
export type QualityPredictor = (requests: readonly RouteRequest[], pool: Pool) => Promise<Qualities>

/**
 * Builds a predictor. Quality is the strategy's own for models that it knows, else `profile.accuracy`. Of a strategy that has
 * win rates only, strong is worth the win rate and weak 1 − it, so that their difference is E[strong − weak] of scores 0 and 1;
 * these count where the pool is the pair, or where no model has an accuracy: they are on another scale.
 * @param ready absent where profiles alone count
 */
export function createQualityPredictor(ready: ThresholdStrategy | undefined): QualityPredictor {
  if (!ready) return async () => ({ of: (_, model) => accuracyOf(model), source: () => ACCURACY })
  const { strategy, strategyId } = ready
  const byStrategy = strategy.quality
    ? `quality, predicted by ${strategyId}`
    : `quality, by the win rate of ${strategyId}`
  const lookUp = perPool(pool => {
    const known = modelsKnown(ready, pool)
    return { known, columns: new Map(known.map(({ id }, column) => [id, column])) }
  })
  return async (requests, pool) => {
    const { known, columns } = lookUp(pool)
    const prompts = requests.map(({ prompt }) => prompt)
    const values = known.length > 0 ? await expectedQuality(strategy, prompts, known, pool.pair) : new Float64Array()
    return {
      of(row, model) {
        const column = columns.get(model.id)
        return column === undefined ? accuracyOf(model) : values[row * known.length + column]!
      },
      source: ({ id }) => (columns.has(id) ? byStrategy : ACCURACY),
    }
  }
}

/** Works it out again only when another pool comes: pools last longer than requests. */
function perPool<T>(make: (pool: Pool) => T): (pool: Pool) => T {
  let last: Pool | undefined
  let made: T
  return pool => {
    if (pool !== last) made = make(pool)
    last = pool
    return made
  }
}

function modelsKnown({ strategy, checkpoint }: ThresholdStrategy, { models, pair }: Pool): Model[] {
  if (strategy.quality) {
    return models.filter(({ id }) => !checkpoint || checkpoint.metadata.models.includes(id))
  }
  const ofPair = models.filter(({ id }) => id === pair?.strong.id || id === pair?.weak.id)
  const counts = ofPair.length === models.length || models.every(model => Number.isNaN(accuracyOf(model)))
  return counts ? ofPair : []
}

const ACCURACY = 'quality, of profile.accuracy'

const accuracyOf = ({ profile }: Model) =>
  profile && Object.hasOwn(profile, 'accuracy') ? profile.accuracy! : Number.NaN
