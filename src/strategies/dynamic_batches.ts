import type { Strategy } from '../types.ts'

/** Prompts of a batch at most: those behind wait for all of it. */
const MOST = 32

interface Asked {
  readonly prompt: string
  resolve(winRates: Float64Array): void
  reject(error: unknown): void
}

/**
 * The strategy, which scores prompts that are asked about one by one in the same turn of the event loop together: under load a
 * batch costs less than its prompts apart. Each gets what it would get alone, its own error too.
 */
export function withDynamicBatches(strategy: Strategy): Strategy {
  let waiting: Asked[] = []

  function scoreWaiting(): void {
    const all = waiting
    waiting = []
    for (let start = 0; start < all.length; start += MOST) score(all.slice(start, start + MOST))
  }

  function score(batch: readonly Asked[]): void {
    strategy.winRate(batch.map(({ prompt }) => prompt)).then(
      winRates => {
        for (let i = 0; i < batch.length; i++) batch[i]!.resolve(winRates.slice(i, i + 1))
      },
      error => {
        if (batch.length === 1) batch[0]!.reject(error)
        else for (const one of batch) score([one])
      },
    )
  }

  return {
    ...strategy,
    winRate: prompts =>
      prompts.length === 1
        ? new Promise((resolve, reject) => {
            if (waiting.push({ prompt: prompts[0]!, resolve, reject }) === 1) setImmediate(scoreWaiting)
          })
        : strategy.winRate(prompts),
  }
}
