import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { UpstreamError, UsageError } from '../errors.ts'
import { fittedWinRates } from '../evaluation/cross_validation.ts'
import type { FitAndScore } from '../evaluation/entrants.ts'
import type { StrategyModule } from '../types.ts'
import type { FitAnswer, FitJob } from './fit_worker.ts'
import { createLimit } from './limit.ts'
import { createResources, type ResourceOptions } from './resources.ts'

/** Each thread holds its own copy of the training rows. */
const MOST_THREADS = 4
/** Below this a thread takes longer to start than the fit takes. */
const LEAST_ROWS = 1000

/**
 * Fits of one strategy, several at a time on threads of their own; one after the other in this thread where prompts are sent
 * to an endpoint, so that none is embedded twice, and where there is no built worker (running from source).
 */
export function createFitRunner(strategyId: string, module: StrategyModule, resources: ResourceOptions): FitAndScore {
  const isRemote = resources.embedder !== undefined && !resources.embedder.startsWith('hashing')
  const file = isRemote ? undefined : workerFile()
  const limit = createLimit(file ? Math.min(availableParallelism(), MOST_THREADS) : 1)
  return (trainOn, prompts) =>
    limit(async () => {
      const train = trainOn()
      return file && train.prompts.length >= LEAST_ROWS
        ? inThread(file, { strategyId, train, prompts, resources })
        : fittedWinRates(module, train, prompts, createResources(resources))
    })
}

function inThread(file: URL, job: FitJob): Promise<Float64Array> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(file, { workerData: job })
    worker.on('message', ({ winRates, failure }: FitAnswer) => {
      if (winRates) resolve(winRates)
      else reject(revived(failure!))
    })
    worker.on('error', reject)
    worker.on('exit', code => reject(new Error(`a thread ended with code ${code} before its fit was done`)))
  })
}

/** Errors lose their class between threads; the exit code depends on it. */
function revived({ name, message, stack }: NonNullable<FitAnswer['failure']>): Error {
  if (name === 'UsageError' || name === 'DataError') return new UsageError(message)
  if (name === 'UpstreamError') return new UpstreamError(message)
  return Object.assign(new Error(message), { stack })
}

/** The bundle has it beside the entry, one folder above the chunks. */
function workerFile(): URL | undefined {
  const places = ['./fit_worker.js', '../fit_worker.js'].map(place => new URL(place, import.meta.url))
  return places.find(place => existsSync(fileURLToPath(place)))
}
