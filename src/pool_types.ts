/** A callable model. Prices are US dollars per million tokens. What is absent is not known, and never guessed. */
export interface Model {
  readonly id: string
  readonly inputPrice?: number
  readonly outputPrice?: number
  /** Of input that the provider has in its cache. */
  readonly cachedInputPrice?: number
  /** Tokens of prompt and answer together. */
  readonly contextWindow?: number
  readonly maxOutputTokens?: number
  /** What it can do. Absent counts as no where another model of the pool says yes, else nobody asks. */
  readonly tools?: boolean
  readonly vision?: boolean
  readonly audio?: boolean
  readonly video?: boolean
  readonly files?: boolean
  readonly jsonSchema?: boolean
  readonly tags?: readonly string[]
  /** Capacity, or share of the traffic, against others; above 0. Default 1. */
  readonly weight?: number
  /** Scores 0..1 by name: accuracy, creativity, safety, speed, cost, … Higher is better, of cost too. */
  readonly profile?: Readonly<Record<string, number>>
  /** Mean tokens of an answer; measured ones count more. */
  readonly outputTokens?: number
  /** Absent where it can be chosen, but not called. */
  readonly endpoint?: Endpoint
}

/** The two sides of a pair. */
export interface ModelPair {
  readonly strong: Model
  readonly weak: Model
}

/** The models a policy may pick from. A pair is a pool of two that says which is which. */
export interface Pool {
  readonly models: readonly Model[]
  readonly pair?: ModelPair
  /** Absent where nothing has been called. */
  readonly statistics?: PoolStatistics
}

/** A request as a policy sees it. */
export interface RouteRequest {
  /** What is scored: the last user turn's text. */
  readonly prompt: string
  /** The conversation where there is one, the prompt last. */
  readonly turns?: readonly Turn[]
  /** What requests of one user or conversation have in common, for policies that keep them together. */
  readonly key?: string
  readonly user?: string
  /** Further fields: columns of a file, `metadata` of a request. */
  readonly metadata?: Readonly<Record<string, unknown>>
  /** What counts in this request: a name that the policy knows, such as `speed`. */
  readonly priority?: string
  readonly needs?: Needs
  /** The models of the pool that can serve it, healthy ones where there are any. Absent: all of the pool. */
  readonly candidates?: readonly Model[]
}

/**
 * One thing that moved a decision. A `weight` above 0 moved a strategy toward strong, below 0 toward weak; of a policy it is
 * the number that it compared.
 */
export interface Reason {
  readonly kind: 'feature' | 'neighbour' | 'rule' | 'statistic' | 'score' | 'constraint'
  /** A feature's name, a neighbour's row id, or what a policy looked at, as a phrase. */
  readonly name: string
  readonly weight: number
  /** Only of neighbours: the category of the row. */
  readonly category?: string
  /** Only of neighbours, and only where the checkpoint was trained with `--keep-prompts`. */
  readonly text?: string
}

/** A model that was not chosen. */
export interface Alternative {
  readonly model: string
  /** What the policy compared: the higher, the nearer it was to being chosen. */
  readonly score?: number
  /** Expected US dollars. */
  readonly cost?: number
  /** Why not, as a phrase. */
  readonly reason?: string
}

/** Where one request goes, and why: the record that `--json` prints. */
export interface Decision {
  /** The chosen one; of several the first. */
  readonly model: string
  readonly models: readonly string[]
  /** How `models` are used: the one, all of them merged (`merge`), or in order until one is good enough (`accept`). */
  readonly plan: 'single' | 'all' | 'until_accepted'
  readonly merge?: MergeRule
  readonly accept?: AcceptRule
  readonly policy: string
  readonly strategy?: string
  /** Expected score of strong against weak, in [0, 1]. */
  readonly winRate?: number
  /** Strong iff `winRate >= threshold`. */
  readonly threshold?: number
  /** Expected US dollars; absent where a price is not known. */
  readonly cost?: number
  readonly reasons?: readonly Reason[]
  readonly alternatives?: readonly Alternative[]
}

/** Picks models for requests, given the pool's state. One decision per request, in order. */
export interface Policy {
  /**
   * Picks among the `candidates` of each request, which are never none; a policy that has no answer for a request (no rule
   * matches, no model has a profile) gives undefined, after which `chain` asks the next.
   * Throws UsageError where the pool has not what the policy needs.
   */
  decide(requests: readonly RouteRequest[], pool: Pool): Promise<(Decision | undefined)[]>
  /** Why it has no answer for a request and what to add so that it has, as sentences. */
  noAnswer?(request: RouteRequest): string
}

/** Where a model is called. */
export interface Endpoint {
  /** Up to and without `/chat/completions`; of Azure OpenAI, up to and with the deployment. */
  readonly baseUrl: string
  /** The model's name there. Default: its id. */
  readonly name?: string
  /** Name of the environment variable that holds the key; absent where none is sent. */
  readonly keyVariable?: string
  /** The form it speaks. Default `openai`. */
  readonly api?: 'openai' | 'anthropic'
  /** How the key is sent. Default: `authorization: Bearer`, of `anthropic` `x-api-key`. */
  readonly keyHeader?: 'authorization' | 'api-key' | 'x-api-key'
  /** Added to the address of every call, such as Azure's `api-version`. */
  readonly query?: Readonly<Record<string, string>>
  /** Sent with every call; never the key. */
  readonly headers?: Readonly<Record<string, string>>
}

/** What a model must be able to do to serve a request. What is absent is not asked for. */
export interface Needs {
  /** Of the prompt, in tokens. Counted from the text where absent. */
  readonly inputTokens?: number
  /** Of `inputTokens`, those that the provider is expected to have in its cache. Default 0. */
  readonly cachedTokens?: number
  /** Tokens beside the text, where `inputTokens` is absent: of tool definitions, images and files. Default 0. */
  readonly otherTokens?: number
  /** Of the longest answer that is allowed, in tokens. */
  readonly outputTokens?: number
  readonly tools?: boolean
  readonly vision?: boolean
  readonly audio?: boolean
  readonly video?: boolean
  readonly files?: boolean
  readonly jsonSchema?: boolean
  /** The model must have all of these tags, such as `region:eu`. */
  readonly tags?: readonly string[]
  /** US dollars for this request at most. A model whose price is not known cannot show that it costs less. */
  readonly maxCost?: number
}

/** A turn of a conversation, its content as text. */
export interface Turn {
  readonly role: string
  readonly text: string
}

/** What is known of a model at this moment. Numbers are NaN before there is anything to take them from. */
export interface ModelStatistics {
  readonly inFlight: number
  /** Finished. */
  readonly requests: number
  readonly errors: number
  /** Exponentially weighted share of requests that failed, 0..1. */
  readonly errorRate: number
  /** Exponentially weighted, of successful requests, in milliseconds. */
  readonly latency: number
  /** Latency at quantile q (0..1) of the latest successful requests, in milliseconds. */
  latencyAt(q: number): number
  /** Exponentially weighted US dollars a request. */
  readonly cost: number
  /** Mean tokens of an answer. */
  readonly outputTokens: number
  /** When the latest request finished, milliseconds since 1970. */
  readonly finishedAt: number
  /** Whether the breaker is open: the model is not to be called while another can be. */
  readonly isOpen: boolean
  /** Why it is open, as a phrase. */
  readonly openReason?: string
}

/** Live statistics of a pool. */
export interface PoolStatistics {
  /** Of a model that was never called: zero counts, NaN means. */
  of(model: string): ModelStatistics
}

/** How the answers of all `models` become one. */
export interface MergeRule {
  readonly by: 'majority' | 'judge' | 'best_of_n' | 'concatenate'
  /** Of `judge` and `best_of_n`: the model that chooses. */
  readonly judge?: string
  /** Milliseconds after which answers that are not there are left out. */
  readonly deadline?: number
  /** Answers that must be there. Default 1. */
  readonly atLeast?: number
}

/** When the answer of one of `models`, tried in order, is good enough. */
export interface AcceptRule {
  readonly by: 'scorer' | 'self_consistency' | 'judge'
  /** Least score (0..1) of an answer that is accepted. */
  readonly threshold: number
  /** Of `judge`: the model that scores. */
  readonly judge?: string
  /** Of `self_consistency`: answers drawn. */
  readonly samples?: number
  /** Of `scorer`: path of a checkpoint that `train` made. */
  readonly checkpoint?: string
  /** US dollars for all tries together at most. */
  readonly maxCost?: number
}
