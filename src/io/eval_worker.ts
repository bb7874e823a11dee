import { parentPort, workerData } from 'node:worker_threads'
import { fittedWinRates } from '../evaluation/cross_validation.ts'
import { lookUp } from '../registry.ts'
import { strategies } from '../strategies/registry.ts'
import type { Outcomes } from '../types.ts'
import { openCheckpoint } from './open_checkpoint.ts'
import { createStrategy } from './open_strategy.ts'
import { createResources, type ResourceOptions } from './resources.ts'

/** What one thread does, as plain data: scores prompts by weights fitted on `train`, or by those of a checkpoint. */
export interface EvalJob {
  readonly strategyId: string
  readonly weights: { readonly train: Outcomes } | { readonly checkpoint: string }
  readonly prompts: readonly string[]
  readonly resources: Omit<ResourceOptions, 'checkpoint'>
}

/** What the thread says before it ends. */
export interface EvalAnswer {
  readonly winRates?: Float64Array
  readonly failure?: { readonly name: string; readonly message: string; readonly stack: string | undefined }
}

try {
  answer({ winRates: await score(workerData as EvalJob) })
} catch (error) {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error))
  answer({ failure: { name, message, stack } })
}

async function score({ strategyId, weights, prompts, resources }: EvalJob): Promise<Float64Array> {
  if ('train' in weights) {
    const module = await lookUp(strategies, strategyId, 'strategy').load()
    return fittedWinRates(module, weights.train, prompts, createResources(resources))
  }
  const checkpoint = await openCheckpoint(weights.checkpoint)
  return (await createStrategy(strategyId, { ...resources, checkpoint })).winRate(prompts)
}

function answer(message: EvalAnswer): void {
  parentPort!.postMessage(message)
}
