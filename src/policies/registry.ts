import type { Registry } from '../registry.ts'
import type { v } from '../schema.ts'
import type { Checkpoint, Policy, Pool, Strategy, TensorFile } from '../types.ts'

/** A strategy that is ready to decide. */
export interface ThresholdStrategy {
  readonly strategy: Strategy
  readonly strategyId: string
  /** Strong iff winRate >= threshold; Infinity sends everything to weak. */
  readonly threshold: number
}

/** What a policy may be built from; nothing opens until it is asked for. */
export interface PolicyParts {
  /** The policy's own block of options, not checked yet; undefined where there is none. */
  readonly options: unknown
  /** The pool that it will be asked about, so that options can be checked against its models. */
  readonly pool: Pool
  readonly seed: number
  /** Milliseconds since 1970. */
  now(): number
  /** The configured strategy with its threshold. */
  strategy(): Promise<ThresholdStrategy>
  /** Another policy, made from its own block of options. */
  policy(id: string): Promise<Policy>
  /** A trained checkpoint, by path. */
  checkpoint(file: string): Promise<Checkpoint>
  /** Weights of a classifier that ships, by id (checkpoints/classifiers). */
  classifier(id: string): Promise<TensorFile>
}

/** What each file in policies/ exports. */
export interface PolicyModule {
  /** Of its block of options; absent where it has none. The JSON Schema of llmroute.yaml is made from it. */
  readonly options?: v.GenericSchema
  /** Throws UsageError for options that do not fit the schema or the pool. */
  create(parts: PolicyParts): Policy | Promise<Policy>
}

/** Every policy: the file name is the id. */
export const policies: Registry<PolicyModule> = {
  threshold: { summary: "a strategy's win rate against a threshold, for a pair", load: () => import('./threshold.ts') },
}
