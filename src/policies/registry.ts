import type { Registry } from '../registry.ts'
import type { Checkpoint, Policy, Pool, Strategy, TensorFile } from '../types.ts'

/** A strategy that is ready to decide. */
export interface ThresholdStrategy {
  readonly strategy: Strategy
  readonly strategyId: string
  /** Strong iff winRate >= threshold; Infinity sends everything to weak. */
  readonly threshold: number
  /** Says which models the strategy knows; absent where it has no weights. */
  readonly checkpoint?: Pick<Checkpoint, 'metadata'> | undefined
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

/** A schema of options, as `checked` takes it. Told by its form alone, so that the library's types need no other package. */
export interface OptionsSchema {
  readonly kind: 'schema'
  readonly type: string
}

/** What each file in policies/ exports. */
export interface PolicyModule {
  /** Of its block of options; absent where it has none. The JSON Schema of llmroute.yaml is made from it. */
  readonly options?: OptionsSchema
  /** Throws UsageError for options that do not fit the schema or the pool. */
  create(parts: PolicyParts): Policy | Promise<Policy>
}

/** Every policy: the file name is the id. */
export const policies: Registry<PolicyModule> = {
  threshold: { summary: "a strategy's win rate against a threshold, for a pair", load: () => import('./threshold.ts') },
  stochastic: {
    summary: 'drawn with chance softmax(quality / temperature), cut to top_k and nucleus top_p',
    load: () => import('./stochastic.ts'),
  },
  ab: {
    summary: 'a fixed split of the traffic, sticky by key',
    load: () => import('./ab.ts'),
  },
  round_robin: {
    summary: 'each model in turn',
    load: () => import('./round_robin.ts'),
  },
  weighted_round_robin: {
    summary: 'each model in turn, as often as its weight says, spread evenly',
    load: () => import('./weighted_round_robin.ts'),
  },
  least_connections: {
    summary: 'fewest requests in flight for its weight',
    load: () => import('./least_connections.ts'),
  },
  performance: {
    summary: 'least latency, errors or cost as measured',
    load: () => import('./performance.ts'),
  },
  adaptive: {
    summary: 'shares moved by measured latency and errors, with exploration',
    load: () => import('./adaptive.ts'),
  },
  consistent_hash: {
    summary: 'a hash ring by key: adding a model moves few keys',
    load: () => import('./consistent_hash.ts'),
  },
  rules: { summary: 'first matching rule on fields of the request', load: () => import('./rules.ts') },
  static: { summary: 'a fixed map from task type to model', load: () => import('./static.ts') },
  context: {
    summary: 'language, domain, length and complexity of the prompt, turns of the conversation',
    load: () => import('./context.ts'),
  },
  content: {
    summary: 'what the text is: task type, topic, sentiment, anything sensitive',
    load: () => import('./content.ts'),
  },
  learned: {
    summary: 'a random forest on text, language and task type, trained by train --policy learned',
    load: () => import('./learned.ts'),
  },
  profile: {
    summary: 'largest mean of profile scores, weighted by the priority of the request',
    load: () => import('./profile.ts'),
  },
  best_value: {
    summary: 'predicted quality less λ times predicted cost',
    load: () => import('./best_value.ts'),
  },
  chain: { summary: 'the first policy of several that has an answer', load: () => import('./chain.ts') },
  cascade: {
    summary: 'cheapest first, the next where the answer is not good enough',
    load: () => import('./cascade.ts'),
  },
  ensemble: { summary: 'several models at once, their answers merged', load: () => import('./ensemble.ts') },
}
