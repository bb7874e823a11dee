import { createSortedWindow, type SortedWindow } from '../math/sorted_window.ts'
import type { ModelStatistics, PoolStatistics } from '../types.ts'

/** Statistics that whoever calls the models keeps up to date: every `start` is followed by one `succeed`, `fail` or `abandon`. */
export interface LiveStatistics extends PoolStatistics {
  /** A request goes out. */
  start(model: string): void
  /** It was answered, after `latency` milliseconds, for `cost` US dollars. */
  succeed(
    model: string,
    measured: {
      readonly latency: number
      readonly cost?: number | undefined
      readonly outputTokens?: number | undefined
    },
  ): void
  /** It failed at the model's end. How long that took says nothing about how fast the model answers. */
  fail(model: string): void
  /** It ended without telling anything of the model: the caller hung up. */
  abandon(model: string): void
  /** The breaker of the model opened, or closed again. */
  setBreaker(model: string, isOpen: boolean, reason?: string): void
}

export interface StatisticsOptions {
  /** Milliseconds since 1970. */
  now(): number
  /** Weight of the newest request in the weighted means, in (0, 1]; the first 1/smoothing requests count alike. Default 0.1. */
  readonly smoothing?: number
  /** Milliseconds after which what was measured counts half against what is measured now. Default 60,000. */
  readonly halfLife?: number
  /** Latencies that are kept for quantiles, per model. Default 256. */
  readonly window?: number
}

/**
 * Live statistics of a pool, all zero and NaN at first. A weighted mean moves by `smoothing` a request, by more after a pause,
 * so that one request tells a model that was idle for long anew. `of` gives a view that follows what happens.
 */
export function createStatistics(options: StatisticsOptions): LiveStatistics {
  const { now, smoothing = 0.1, halfLife = 60_000, window = 256 } = options
  const models = new Map<string, LiveModel>()
  const live = (model: string) => {
    let found = models.get(model)
    if (!found) {
      found = createModel(window)
      models.set(model, found)
    }
    return found
  }
  const finish = (model: string, failed: 0 | 1) => {
    const state = live(model)
    const time = now()
    state.inFlight = Math.max(0, state.inFlight - 1)
    state.requests++
    state.errors += failed
    // What was known fades with time; it never counts for more than 1/smoothing requests.
    const age = Math.max(0, time - state.finishedAt) || 0
    state.known = Math.min(state.known * 2 ** (-age / halfLife), 1 / smoothing - 1) + 1
    state.knownAnswers *= 2 ** (-age / halfLife)
    state.errorRate = moved(state.errorRate, failed, 1 / state.known)
    state.finishedAt = time
    return state
  }
  return {
    of: live,
    start: model => {
      live(model).inFlight++
    },
    succeed: (model, { latency, cost, outputTokens }) => {
      const state = finish(model, 0)
      state.knownAnswers = Math.min(state.knownAnswers, 1 / smoothing - 1) + 1
      state.latency = moved(state.latency, latency, 1 / state.knownAnswers)
      state.latencies.add(latency)
      if (cost !== undefined) state.cost = moved(state.cost, cost, 1 / state.knownAnswers)
      if (outputTokens !== undefined) state.outputTokens = moved(state.outputTokens, outputTokens, 1 / ++state.counted)
    },
    fail: model => {
      finish(model, 1)
    },
    abandon: model => {
      const state = live(model)
      state.inFlight = Math.max(0, state.inFlight - 1)
    },
    setBreaker: (model, isOpen, reason) => {
      const state = live(model)
      state.isOpen = isOpen
      if (isOpen && reason !== undefined) state.openReason = reason
      else delete state.openReason
    },
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

interface LiveModel extends Mutable<ModelStatistics> {
  /** Requests, and answers, that the weighted means stand on. */
  known: number
  knownAnswers: number
  /** Answers whose tokens are known. */
  counted: number
  readonly latencies: SortedWindow
}

function createModel(window: number): LiveModel {
  const latencies = createSortedWindow(window)
  return {
    inFlight: 0,
    requests: 0,
    errors: 0,
    errorRate: Number.NaN,
    latency: Number.NaN,
    latencyAt: latencies.at,
    cost: Number.NaN,
    outputTokens: Number.NaN,
    finishedAt: Number.NaN,
    isOpen: false,
    known: 0,
    knownAnswers: 0,
    counted: 0,
    latencies,
  }
}

/** A mean after one value more. */
function moved(mean: number, value: number, weight: number): number {
  return Number.isNaN(mean) ? value : mean + (value - mean) * weight
}
