import { UsageError } from '../errors.ts'
import { create as createThreshold } from '../policies/threshold.ts'
import { createPoolRouter, type Refusal, requireDecision } from '../routing/pool_router.ts'
import type { Decision, ModelPair, Policy, Pool, PoolStatistics, Reason, RouteRequest } from '../types.ts'
import type { StoredCheckpoint } from './checkpoint.ts'
import type { LogSettings } from './decision_log.ts'
import { withLoggedLengths } from './logged_lengths.ts'
import { openPolicy } from './open_policy.ts'
import { type Asked, gatherOptions, type RouterOptions } from './router_options.ts'
import { openThreshold } from './router_threshold.ts'

/** What decides: a strategy with a threshold and a pair, or another policy over a pool. */
export interface Router {
  readonly policyId: string
  readonly pool: Pool
  /** Of policy `threshold`: what scores, against what, for which models. Absent of other policies. */
  readonly strategyId?: string
  readonly threshold?: number
  readonly pair?: ModelPair
  /** Absent where the strategy has no weights. */
  readonly checkpoint: StoredCheckpoint | undefined
  /** Where decisions are to be logged; whoever asks for them does it. Absent: nowhere. */
  readonly log?: LogSettings
  /**
   * One decision per prompt or request, in order.
   * @throws UsageError where no model can serve one of them, naming each model's reason.
   */
  decide(requests: readonly (string | RouteRequest)[]): Promise<Decision[]>
  /** The same, with a refusal in the place of each request that no model can serve. */
  decideEach(requests: readonly RouteRequest[]): Promise<(Decision | Refusal)[]>
  /** One win rate per prompt, in order, 0..1. */
  winRate(prompts: readonly string[]): Promise<Float64Array>
  /**
   * Expected quality per prompt and model, 0..1, row-major prompts × models; absent where the strategy does not predict it.
   * Throws UsageError for a model that its weights do not know.
   */
  readonly quality?: (prompts: readonly string[], models: readonly string[]) => Promise<Float64Array>
  /** What the caller may not expect, as sentences. */
  readonly notes: readonly string[]
  /** What moved the decision, most important first; empty where the strategy cannot say. */
  explain(prompt: string): Promise<readonly Reason[]>
}

/** What only the process that calls models has. */
export interface LiveParts {
  readonly statistics?: PoolStatistics
  /** Milliseconds since 1970. Default: the clock. */
  readonly now?: () => number
  /** Of policy `threshold`: where to start from, where the weights cannot say what gives the share and traffic will. */
  readonly start?: number
}

/**
 * Opens a router. Precedence: options, environment (`LLMROUTE_*`), llmroute.yaml, checkpoint.
 * @throws UsageError, DataError
 */
export async function createRouter(
  options: RouterOptions = {},
  { statistics, now, start }: LiveParts = {},
): Promise<Router> {
  const asked = withLoggedLengths(await gatherOptions(options))
  const log = logOf(asked)
  const policyId = asked.layers.find(({ policy }) => policy !== undefined)?.policy ?? 'threshold'
  if (policyId !== 'threshold') {
    const { policy, pool, notes, strategy } = await openPolicy(policyId, asked, statistics, now)
    return {
      ...decider(policy, pool),
      ...log,
      policyId,
      checkpoint: undefined,
      notes,
      winRate: async prompts => (await strategy()).strategy.winRate(texts(prompts)),
      explain: async () => [],
    }
  }
  refusePoolOptions(options)
  const { strategyId, strategy, threshold, pair, checkpoint, notes } = await openThreshold(asked, start)
  const policy = await createThreshold({ strategy: async () => ({ strategy, strategyId, threshold }) })
  return {
    ...decider(policy, { models: [pair.strong, pair.weak], pair, ...(statistics ? { statistics } : {}) }),
    ...log,
    policyId,
    strategyId,
    threshold,
    pair,
    checkpoint,
    notes,
    winRate: async prompts => strategy.winRate(texts(prompts)),
    ...(strategy.quality ? { quality: async (prompts, models) => strategy.quality!(texts(prompts), models) } : {}),
    explain: async prompt => (await strategy.explain?.(prompt)) ?? [],
  }
}

/** What `threshold` would pass over in silence. */
function refusePoolOptions({ models, policyOptions }: RouterOptions): void {
  if (models !== undefined) {
    throw new UsageError(
      '--models: expected a policy that picks from a pool, got threshold, which decides between strong and weak. Name one with --policy, or the pair with --strong and --weak.',
    )
  }
  if (policyOptions !== undefined) {
    throw new UsageError('--policy-option: expected a policy that has options, got threshold. Name one with --policy.')
  }
}

function logOf({ layers: [options], config }: Asked): { log?: LogSettings } {
  const file = options.log ?? config.log?.file
  if (file === undefined && options.logPrompts) {
    throw new UsageError(
      '--log-prompts: expected a log, got none. Name its file with --log, or in llmroute.yaml (log).',
    )
  }
  const keepsPrompts = options.logPrompts ?? config.log?.prompts === 'text'
  return file === undefined ? {} : { log: { file, keepsPrompts } }
}

function decider(policy: Policy, pool: Pool): Pick<Router, 'decide' | 'decideEach' | 'pool'> {
  const { decide: decideEach } = createPoolRouter(policy, pool)
  return {
    pool,
    decideEach,
    async decide(requests) {
      const decisions = await decideEach(requestsOf(requests))
      return decisions.map(requireDecision)
    },
  }
}

function requestsOf(requests: unknown): RouteRequest[] {
  if (!Array.isArray(requests)) throw noTexts(typeof requests)
  return requests.map(request => {
    if (typeof request === 'string') return { prompt: request }
    if (typeof request?.prompt === 'string') return request
    throw noTexts('other things in it')
  })
}

/** Callers in plain JavaScript have no compiler to tell them. */
function texts(prompts: unknown): readonly string[] {
  if (Array.isArray(prompts) && prompts.every(prompt => typeof prompt === 'string')) return prompts
  throw noTexts(Array.isArray(prompts) ? 'other things in it' : typeof prompts)
}

function noTexts(got: string): UsageError {
  return new UsageError(`prompts: expected a list of texts, got ${got}.`)
}
