import { createRandom } from '../math/random.ts'
import { createStatistics } from '../routing/statistics.ts'
import type { PoolStatistics } from '../types.ts'

/** Milliseconds between two requests, and of a typical answer of the cheapest and of the dearest model. */
export const ARRIVAL = 100
export const FASTEST = 500
export const SLOWEST = 2000
/** Standard deviation of the logarithm of a latency. */
const SPREAD = 0.3

/** A clock and statistics that stand in for a pool that is called. */
export interface SimulatedCalls {
  readonly statistics: PoolStatistics
  /** Milliseconds of the simulated clock. */
  now(): number
  /** The next request comes: time goes on to `at`, by default `ARRIVAL` further, and what is due is answered. */
  arrive(at?: number): void
  /** The request goes to a model. `cost` in US dollars; NaN where it is not known. */
  call(model: string, cost: number): void
}

/**
 * A file of outcomes says nothing of time, so policies that go by it see a made-up pool: ten requests a second, no errors, and
 * latencies that are the longer the dearer the model, with seeded noise.
 * @param models from the cheapest to the dearest.
 * @param measured typical latencies that are known, in milliseconds by model.
 */
export function simulateCalls(
  models: readonly string[],
  seed: number,
  measured: ReadonlyMap<string, number> = new Map(),
): SimulatedCalls {
  let time = 0
  const random = createRandom(seed)
  const statistics = createStatistics({ now: () => time })
  const pending: { readonly model: string; readonly due: number; readonly latency: number; readonly cost: number }[] =
    []
  const step = models.length > 1 ? (SLOWEST / FASTEST) ** (1 / (models.length - 1)) : 1
  const typical = new Map(models.map((model, place) => [model, measured.get(model) ?? FASTEST * step ** place]))
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return {
    statistics,
    now: () => time,
    arrive(at = time + ARRIVAL) {
      const arrival = Math.max(time, at)
      for (let first = pending[0]; first && first.due <= arrival; first = pending[0]) {
        pending.shift()
        time = first.due
        const { model, latency, cost } = first
        statistics.succeed(model, { latency, cost: Number.isNaN(cost) ? undefined : cost })
      }
      time = arrival
    },
    call(model, cost) {
      const latency = typical.get(model)! * Math.exp(SPREAD * normal())
      statistics.start(model)
      const due = time + latency
      const place = pending.findIndex(other => other.due > due)
      pending.splice(place < 0 ? pending.length : place, 0, { model, due, latency, cost })
    },
  }
}
