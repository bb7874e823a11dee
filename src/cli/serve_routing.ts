import { UsageError } from '../errors.ts'
import { shippedCheckpoint } from '../io/catalog.ts'
import type { Config } from '../io/config.ts'
import { type OpenedStrategy, openStrategy } from '../io/open_strategy.ts'
import { createRouter } from '../io/router.ts'
import { gatherOptions, type RouterOptions } from '../io/router_options.ts'
import { create as createThreshold } from '../policies/threshold.ts'
import { createPoolRouter } from '../routing/pool_router.ts'
import type { Routing } from '../server/server_types.ts'
import { strategies } from '../strategies/registry.ts'
import type { Pool } from '../types.ts'
import type { Forwarder } from '../upstream/upstream_types.ts'

/** What of a routing a configuration decides. */
export interface RoutingSettings {
  readonly isSticky: boolean
  readonly scoresConversation: boolean
}

/**
 * Opens what a configuration says: the policy under `auto`, and strategies under their names on first use.
 * @throws UsageError where there is no model that can be called; as `createRouter` does.
 */
export async function openRouting(
  config: Config,
  options: RouterOptions,
  forwarder: Forwarder,
  settings: RoutingSettings,
): Promise<Routing> {
  const models = (config.models ?? []).filter(({ endpoint }) => endpoint !== undefined)
  if (models.length === 0) {
    throw new UsageError(
      'serve: expected models with a base_url in llmroute.yaml, got none. llmroute init writes one to start from.',
    )
  }
  const { statistics } = forwarder
  const auto = await createRouter(options, { statistics })
  requireCallable(
    auto.pool,
    models.map(({ id }) => id),
  )
  const opened = new Map<string, Promise<OpenedStrategy>>()
  const open = (strategy: string) => {
    const known = opened.get(strategy) ?? openNamed(strategy, options)
    opened.set(strategy, known)
    return known
  }
  return {
    pool: { models, ...(auto.pair ? { pair: auto.pair } : {}), statistics },
    strategies: Object.keys(strategies).filter(id => isOffered(id, config)),
    forwarder,
    ...settings,
    async decide(target, request) {
      if (target.kind !== 'router') return (await auto.decideEach([request]))[0]!
      const { strategyId, strategy, pair } = await open(target.strategy)
      requireCallable(
        { models: [pair.strong, pair.weak] },
        models.map(({ id }) => id),
      )
      const { threshold } = target
      const policy = await createThreshold({ strategy: async () => ({ strategy, strategyId, threshold }) })
      const pool = { models: [pair.strong, pair.weak], pair, statistics }
      const candidates = request.candidates?.filter(({ id }) => pool.models.some(model => model.id === id))
      return (await createPoolRouter(policy, pool).decide([{ ...request, ...(candidates ? { candidates } : {}) }]))[0]!
    },
  }
}

async function openNamed(strategy: string, { strong, weak, seed, config }: RouterOptions): Promise<OpenedStrategy> {
  return openStrategy(
    await gatherOptions({
      strategy,
      ...(strong === undefined ? {} : { strong }),
      ...(weak === undefined ? {} : { weak }),
      ...(seed === undefined ? {} : { seed }),
      ...(config === undefined ? {} : { config }),
    }),
  )
}

/** Strategies with weights at hand, and those that need none. */
function isOffered(id: string, { strategy, checkpoint }: Config): boolean {
  return NO_WEIGHTS.includes(id) || shippedCheckpoint(id) !== undefined || (strategy === id && checkpoint !== undefined)
}

const NO_WEIGHTS = ['random', 'length']

function requireCallable({ models }: Pool, callable: readonly string[]): void {
  const missing = models.find(({ id }) => !callable.includes(id))
  if (!missing) return
  throw new UsageError(
    `serve: expected ${missing.id} among the models of llmroute.yaml with a base_url, got ${callable.join(', ')}. Name the pair there (pair: { strong, weak }).`,
  )
}
