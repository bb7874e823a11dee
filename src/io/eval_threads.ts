import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { fittedWinRates } from '../evaluation/cross_validation.ts'
import type { FitAndScore } from '../evaluation/entrants.ts'
import type { Resources, Strategy, StrategyModule } from '../types.ts'
import type { StoredCheckpoint } from './checkpoint.ts'
import type { EvalAnswer, EvalJob } from './eval_worker.ts'
import { createLimit } from './limit.ts'
import { createResources } from './resources.ts'
import { revived } from './thread_failure.ts'

/** Each thread holds its own copy of the rows. */
const MOST_THREADS = 4
/** Below this a thread takes longer to start than its work takes. */
const LEAST_ROWS = 500

/**
 * Work of one evaluation, several pieces at a time on threads of their own. One after the other in this thread goes what
 * sends prompts to an endpoint, so that none is embedded twice, what runs a neural model, which uses all cores by itself, and
 * everything where there is no built worker (running from source). The results are the same: a piece is never split.
 */
export interface EvalThreads {
  fitAndScore(strategyId: string, module: StrategyModule, resources: EvalJob['resources']): FitAndScore
  /** `strategy` with the scoring on a thread that reads the checkpoint again. */
  scored(strategy: Strategy, checkpoint: StoredCheckpoint, resources: EvalJob['resources']): Strategy
  /** Ends what is still running, so that a failure does not wait for it. */
  close(): Promise<void>
}

/**
 * Threads for one evaluation; none is started before there is work for it.
 * @param file their program; default the one built beside this code.
 */
export function createEvalThreads(file = workerFile()): EvalThreads {
  const running = new Set<Worker>()
  let isClosed = false
  const elsewhere = createLimit(Math.min(availableParallelism(), MOST_THREADS))
  const here = createLimit(1)
  const opened = new Map<string, Resources>()
  const run = (rows: number, embedder: string | undefined, job: EvalJob, direct: () => Promise<Float64Array>) =>
    file && rows >= LEAST_ROWS && isLocal(embedder) ? elsewhere(() => inThread(file, job)) : here(direct)
  return {
    fitAndScore: (strategyId, module, resources) => (train, prompts) =>
      run(train.prompts.length, resources.embedder, { strategyId, weights: { train }, prompts, resources }, () =>
        fittedWinRates(module, train, prompts, sharedResources(resources)),
      ),
    scored: (strategy, { file: checkpoint, metadata, model }, resources) => ({
      ...strategy,
      winRate: prompts =>
        model === undefined
          ? run(
              prompts.length,
              metadata.embedder?.id,
              { strategyId: metadata.strategy, weights: { checkpoint }, prompts, resources },
              () => strategy.winRate(prompts),
            )
          : here(() => strategy.winRate(prompts)),
    }),
    async close() {
      isClosed = true
      await Promise.all(Array.from(running, worker => worker.terminate()))
    },
  }

  /** What is made in this thread is made once: a neural embedder takes a second and hundreds of megabytes. */
  function sharedResources(options: EvalJob['resources']): Resources {
    const key = JSON.stringify(options)
    const resources = opened.get(key) ?? createResources(options)
    opened.set(key, resources)
    return resources
  }

  function inThread(program: URL, job: EvalJob): Promise<Float64Array> {
    return new Promise((resolve, reject) => {
      if (isClosed) return reject(new Error('the threads are closed'))
      const worker = new Worker(program, { workerData: job })
      running.add(worker)
      worker.on('message', ({ winRates, failure }: EvalAnswer) => {
        if (winRates) resolve(winRates)
        else reject(revived(failure!))
      })
      worker.on('error', reject)
      worker.on('exit', code => {
        running.delete(worker)
        reject(new Error(`a thread ended with code ${code} before its work was done`))
      })
    })
  }
}

function isLocal(embedder: string | undefined): boolean {
  return embedder === undefined || ['hashing', 'static'].includes(embedder.split(':')[0]!)
}

/** The bundle has it beside the entry, one folder above the chunks. */
function workerFile(): URL | undefined {
  const places = ['./eval_worker.js', '../eval_worker.js'].map(place => new URL(place, import.meta.url))
  return places.find(place => existsSync(fileURLToPath(place)))
}
