import { answeredBy, type Replayed } from './replay.ts'

/** A mean score with its 95 % interval (normal, mean ± 1.96 · standard error); nulls where there is nothing to take them from. */
export interface MeanScore {
  readonly requests: number
  readonly mean: number | null
  readonly low: number | null
  readonly high: number | null
}

/** What feedback says of a log and of another policy over it. */
export interface ReplayQuality {
  /** Requests with feedback. */
  readonly scored: number
  /** Of what was done. */
  readonly was: MeanScore
  /** Of what was done, by the model that answered. */
  readonly byModel: Readonly<Record<string, MeanScore>>
  /** Of the requests on which the other policy chooses the same model: all that the log can say of its quality. */
  readonly same: MeanScore
}

/** Quality by feedback. @param scores by request id, 0..1. */
export function replayQuality(replayed: readonly Replayed[], scores: ReadonlyMap<string, number>): ReplayQuality {
  const scored = replayed.filter(({ logged }) => scores.has(logged.id))
  const scoresOf = (requests: readonly Replayed[]) => meanScore(requests.map(({ logged }) => scores.get(logged.id)!))
  const models = [...new Set(scored.map(({ logged }) => answeredBy(logged)))]
  return {
    scored: scored.length,
    was: scoresOf(scored),
    byModel: Object.fromEntries(
      models.map(model => [model, scoresOf(scored.filter(({ logged }) => answeredBy(logged) === model))]),
    ),
    same: scoresOf(scored.filter(({ logged, decision }) => decision?.models[0] === answeredBy(logged))),
  }
}

function meanScore(values: readonly number[]): MeanScore {
  const requests = values.length
  if (requests === 0) return { requests, mean: null, low: null, high: null }
  const mean = values.reduce((sum, value) => sum + value, 0) / requests
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, requests - 1)
  const error = 1.959964 * Math.sqrt(variance / requests)
  return { requests, mean, low: requests > 1 ? mean - error : null, high: requests > 1 ? mean + error : null }
}
