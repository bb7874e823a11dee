import { parentPort, workerData } from 'node:worker_threads'
import { fittedWinRates } from '../evaluation/cross_validation.ts'
import { lookUp } from '../registry.ts'
import { strategies } from '../strategies/registry.ts'
import type { Outcomes } from '../types.ts'
import { createResources, type ResourceOptions } from './resources.ts'

/** One fit, as plain data: learn from `train`, score `prompts`. */
export interface FitJob {
  readonly strategyId: string
  readonly train: Outcomes
  readonly prompts: readonly string[]
  readonly resources: ResourceOptions
}

/** What the thread says before it ends. */
export interface FitAnswer {
  readonly winRates?: Float64Array
  readonly failure?: { readonly name: string; readonly message: string; readonly stack: string | undefined }
}

const { strategyId, train, prompts, resources } = workerData as FitJob
try {
  const module = await lookUp(strategies, strategyId, 'strategy').load()
  answer({ winRates: await fittedWinRates(module, train, prompts, createResources(resources)) })
} catch (error) {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error))
  answer({ failure: { name, message, stack } })
}

function answer(message: FitAnswer): void {
  parentPort!.postMessage(message)
}
