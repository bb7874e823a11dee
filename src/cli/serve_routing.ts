import { UsageError } from '../errors.ts'
import { shippedCheckpoint } from '../io/catalog.ts'
import { type Config, readConfig } from '../io/config.ts'
import type { LogSettings } from '../io/decision_log.ts'
import { type OpenedStrategy, openStrategy, pairOf } from '../io/open_strategy.ts'
import { createRouter, type Router } from '../io/router.ts'
import { type Asked, gatherOptions, type RouterOptions } from '../io/router_options.ts'
import type { ServeSettings } from '../io/serve_schema.ts'
import { create as createThreshold } from '../policies/threshold.ts'
import { printable } from '../registry.ts'
import { storedSpendingAt } from '../routing/calibration.ts'
import { createPoolRouter, type Refusal } from '../routing/pool_router.ts'
import { createTieBreaker, type Followed, type OnlineThreshold } from '../server/online_threshold.ts'
import type { Routing } from '../server/server_types.ts'
import { strategies } from '../strategies/registry.ts'
import type { Decision, Model, ModelPair, RouteRequest, Strategy } from '../types.ts'
import { carryOut } from '../upstream/plan.ts'
import type { Caller, Forwarder } from '../upstream/upstream_types.ts'
import { planPartsOf } from './call_parts.ts'

/** Share for strong that `threshold: auto` holds where no other is asked for. */
const DEFAULT_SHARE = 0.5

/** Where it starts where the weights do not say which threshold gives it. */
const NEUTRAL = 0.5

/** What calls models; both on one core, with its breakers, limits and connections. */
export interface Upstream {
  readonly forwarder: Forwarder
  readonly caller: Caller
}

/** A routing, and where its decisions are logged. */
export interface OpenedRouting extends Routing {
  readonly log?: LogSettings
  /** Of policy `threshold`: by what it decides. */
  readonly strategyId?: string
  readonly threshold?: number
  /** What `threshold: auto` is to hold. */
  readonly followed?: Followed
}

/**
 * Opens what a configuration says: the policy under `auto`, and strategies under their names on first use.
 * @param online where `threshold: auto` stands.
 * @throws UsageError where there is no model that can be called; as `createRouter` does.
 */
export async function openRouting(
  options: RouterOptions,
  settings: Pick<ServeSettings, 'sticky' | 'context' | 'shadow'>,
  { forwarder, caller }: Upstream,
  online: () => OnlineThreshold,
): Promise<OpenedRouting> {
  const config = await readConfig(options.config)
  const models = (config.models ?? []).filter(({ endpoint }) => endpoint !== undefined)
  if (models.length === 0) {
    throw new UsageError(
      'serve: expected models with a base_url in llmroute.yaml, got none. llmroute init writes one to start from.',
    )
  }
  const { statistics } = forwarder
  const { share, isFollowed } = await askedShare(options)
  const live = { statistics, ...(isFollowed ? { start: NEUTRAL } : {}) }
  const auto = await createRouter(options, live)
  for (const { id } of auto.pool.models) requireCallable(id)
  const followed = isFollowed && auto.pair ? followedBy(auto, share ?? DEFAULT_SHARE) : undefined
  const decideAuto = followed ? followTraffic(auto, online) : decideBy(auto)
  const shadow = settings.shadow && (await createRouter({ ...options, policy: settings.shadow }, live))
  const strongTarget = targetOf(auto, share ?? (isFollowed ? DEFAULT_SHARE : undefined))
  const pair = auto.pair ?? configuredPair(config, models)
  const planParts = planPartsOf(caller, config, models, undefined)
  const opened = new Map<string, Promise<OpenedStrategy>>()
  const offered = Object.keys(strategies).filter(id => isOffered(id, config))
  const asked = await gatherOptions(options)
  const paired = await Promise.all(offered.map(id => isPaired(id, asked).catch(() => false)))
  return {
    pool: { models, ...(pair ? { pair } : {}), statistics },
    strategies: offered.filter((_, i) => paired[i]),
    withoutPair: offered.filter((_, i) => !paired[i]),
    policyId: auto.policyId,
    ...(auto.strategyId === undefined ? {} : { strategyId: auto.strategyId }),
    ...(auto.threshold === undefined ? {} : { threshold: auto.threshold }),
    ...(auto.log ? { log: auto.log } : {}),
    ...(strongTarget === undefined ? {} : { strongTarget }),
    ...(followed ? { followed } : {}),
    forwarder,
    carryOut: request => carryOut(request, planParts),
    ...(config.fallback ? { fallback: config.fallback } : {}),
    isSticky: settings.sticky,
    scoresConversation: settings.context,
    ...(shadow ? { shadow: decideBy(shadow) } : {}),
    decide: (target, request, isAnswered) =>
      target.kind === 'router'
        ? decideNamed(target.strategy, target.threshold, request)
        : decideAuto(request, isAnswered),
  }

  async function decideNamed(strategy: string, threshold: number, request: RouteRequest): Promise<Decision | Refusal> {
    const named = await openOnce(strategy)
    for (const { id } of [named.pair.strong, named.pair.weak]) requireCallable(id)
    return decideAt(threshold, named, request, statistics)
  }

  /** Whether the pair of a strategy can be called: the one that was named, else that of its weights. */
  async function isPaired(strategy: string, { layers: [own, ...others], ...asked }: Asked): Promise<boolean> {
    const { strong, weak } = await pairOf({ ...asked, layers: [{ ...own, strategy }, ...others] })
    return [strong, weak].every(({ id }) => models.some(model => model.id === id))
  }

  function openOnce(strategy: string): Promise<OpenedStrategy> {
    const known = opened.get(strategy)
    if (known) return known
    const { policy: _, policyOptions: __, threshold: ___, strongPct: ____, ...rest } = options
    const opening = gatherOptions({ ...rest, strategy }).then(openStrategy)
    // What failed may be mended meanwhile.
    opening.catch(() => opened.delete(strategy))
    opened.set(strategy, opening)
    return opening
  }

  function requireCallable(id: string): void {
    if (models.some(model => model.id === id)) return
    throw new UsageError(
      `serve: expected ${id} among the models of llmroute.yaml with a base_url, got ${models.map(model => model.id).join(', ')}. Name the pair there (pair: { strong, weak }).`,
    )
  }
}

/** Of policies that know no pair, what is saved is still told against it. */
function configuredPair({ pair }: Config, models: readonly Model[]): ModelPair | undefined {
  const [strong, weak] = [pair?.strong, pair?.weak].map(id => models.find(model => model.id === id))
  return strong && weak ? { strong, weak } : undefined
}

type DecideOne = (request: RouteRequest) => Promise<Decision | Refusal>

function decideBy(router: Router): DecideOne {
  const { models } = router.pool
  return async request => {
    const asked = within(models, request)
    return 'refused' in asked ? asked : (await router.decideEach([asked]))[0]!
  }
}

/** The request with those candidates alone that are picked from: others say nothing of whether one of these can be asked. */
function within(models: readonly Model[], request: RouteRequest): RouteRequest | Refusal {
  const { candidates } = request
  if (!candidates) return request
  const isOwn = ({ id }: Model) => models.some(model => model.id === id)
  if (candidates.every(isOwn)) return request
  const own = candidates.filter(isOwn)
  if (own.length > 0) return { ...request, candidates: own }
  const names = (of: readonly Model[]) => of.map(({ id }) => printable(id)).join(', ')
  const formOf = ({ endpoint }: Model) => endpoint?.api ?? 'openai'
  if (models.some(model => formOf(model) === formOf(candidates[0]!))) {
    return {
      refused: `model: expected one that this server has a key for among those that are picked from (${names(models)}), got none. It has keys for ${names(candidates)}: name one of them as model.`,
    }
  }
  return {
    refused: `model: expected one that speaks the form of this request among those that are picked from (${names(models)}), got none; ${names(candidates)} would. Anthropic's form (/v1/messages) is for models with api: anthropic in llmroute.yaml, OpenAI's for all others. Ask in the other form, name ${names(candidates.slice(0, 1))} as model, or put such a model into the pair.`,
  }
}

/** The share that was asked for, and whether it is held by `threshold: auto`: a threshold of flags or the environment goes before both. */
async function askedShare(options: RouterOptions): Promise<{ readonly share?: number; readonly isFollowed: boolean }> {
  const { layers, config } = await gatherOptions(options)
  const first = layers.find(({ threshold, strongPct }) => threshold !== undefined || strongPct !== undefined)
  if (first?.threshold !== undefined) return { isFollowed: false }
  const share = first?.strongPct
  return { ...(share === undefined ? {} : { share }), isFollowed: config.isThresholdAuto === true }
}

function followedBy({ checkpoint, threshold, strategyId }: Router, share: number): Followed {
  const isKnown = checkpoint?.tensors.win_rate_quantiles !== undefined && threshold !== undefined
  return { share, ...(isKnown ? { start: threshold } : {}), strategyId: strategyId! }
}

/**
 * `threshold: auto`: a quantile of the latest win rates, so that the share holds when traffic shifts. What no model is asked for is
 * no traffic, and its ties have turns of their own.
 */
function followTraffic(auto: Router, online: () => OnlineThreshold) {
  const [breakTie, breakOtherTie] = [createTieBreaker(), createTieBreaker()]
  const { strategyId, pair } = { strategyId: auto.strategyId!, pair: auto.pair! }
  return async (request: RouteRequest, isAnswered: boolean): Promise<Decision | Refusal> => {
    const winRates = await auto.winRate([request.prompt])
    const strategy: Strategy = { winRate: async () => winRates }
    const threshold = (isAnswered ? breakTie : breakOtherTie)(winRates[0]!, online().point())
    const decision = await decideAt(threshold, { strategyId, strategy, pair }, request, auto.pool.statistics)
    if (isAnswered && 'winRate' in decision && decision.winRate !== undefined) online().see(decision.winRate)
    return decision
  }
}

async function decideAt(
  threshold: number,
  {
    strategyId,
    strategy,
    pair,
  }: { readonly strategyId: string; readonly strategy: Strategy; readonly pair: ModelPair },
  request: RouteRequest,
  statistics: Forwarder['statistics'] | undefined,
): Promise<Decision | Refusal> {
  const policy = await createThreshold({ strategy: async () => ({ strategy, strategyId, threshold }) })
  const pool = { models: [pair.strong, pair.weak], pair, ...(statistics ? { statistics } : {}) }
  const asked = within(pool.models, request)
  return 'refused' in asked ? asked : (await createPoolRouter(policy, pool).decide([asked]))[0]!
}

/** The share that was asked for, else what the threshold gave on the prompts that the weights were trained on. */
function targetOf({ policyId, threshold, checkpoint }: Router, asked: number | undefined): number | undefined {
  if (policyId !== 'threshold') return undefined
  if (asked !== undefined) return asked
  const stored = checkpoint?.tensors.win_rate_quantiles?.data
  return stored instanceof Float64Array && threshold !== undefined
    ? storedSpendingAt(threshold, stored).strongShare
    : undefined
}

/** Strategies with weights at hand, and those that need none. */
function isOffered(id: string, { strategy, checkpoint }: Config): boolean {
  return NO_WEIGHTS.includes(id) || shippedCheckpoint(id) !== undefined || (strategy === id && checkpoint !== undefined)
}

const NO_WEIGHTS = ['random', 'length']
