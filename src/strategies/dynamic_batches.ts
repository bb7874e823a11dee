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
 * batch costs less than its prompts apart. Each gets what it would get alone, its own error too. Where the latest turn asked about
 * no more than one, the next prompt does not wait for others.
 */
export function withDynamicBatches(strategy: Strategy): Strategy {
  let waiting: Asked[] = []
  /** Prompts of this turn. */
  let asked = 0
  let isBusy = false

  function endTurn(): void {
    isBusy = asked > 1
    asked = 0
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
    winRate(prompts) {
      if (prompts.length !== 1) return strategy.winRate(prompts)
      if (++asked === 1) setImmediate(endTurn)
      if (!isBusy) return strategy.winRate(prompts)
      return new Promise((resolve, reject) => waiting.push({ prompt: prompts[0]!, resolve, reject }))
    },
  }
}
