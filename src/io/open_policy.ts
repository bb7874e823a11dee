import { UsageError } from '../errors.ts'
import { type PolicyParts, policies } from '../policies/registry.ts'
import { lookUp, printable, unknownName } from '../registry.ts'
import type { Model, Policy, Pool, PoolStatistics } from '../types.ts'
import { readClassifier } from './embedder_table.ts'
import { openCheckpoint } from './open_checkpoint.ts'
import { resolvePair } from './open_strategy.ts'
import type { Asked } from './router_options.ts'
import { openThreshold, type ReadyStrategy } from './router_threshold.ts'

/** A policy, and the pool that it picks from. */
export interface OpenedPolicy {
  readonly policy: Policy
  readonly pool: Pool
  /** Flags that it passes over, as sentences. */
  readonly notes: readonly string[]
  /** The configured strategy, opened on first use. */
  strategy(): Promise<ReadyStrategy>
}

/**
 * Makes a policy from its block of options, over the models that were asked for or configured.
 * @throws UsageError for an unknown policy or model, or where there are no models; DataError.
 */
export async function openPolicy(
  id: string,
  asked: Asked,
  statistics: PoolStatistics | undefined,
  now: () => number = Date.now,
): Promise<OpenedPolicy> {
  let opened: Promise<ReadyStrategy> | undefined
  const strategy = () => {
    opened ??= openThreshold(asked)
    return opened
  }
  lookUp(policies, id, 'policy')
  const pool = { ...poolOf(asked), ...(statistics ? { statistics } : {}) }
  let isPairRead = false
  const { pair, ...models } = pool
  const seen = pair
    ? {
        ...models,
        get pair() {
          isPairRead = true
          return pair
        },
      }
    : pool
  const partsOf = (policyId: string): PolicyParts => ({
    options: optionsOf(policyId, asked),
    pool: seen,
    seed: asked.seed,
    now,
    strategy,
    policy: other => make(other),
    checkpoint: openCheckpoint,
    classifier: readClassifier,
  })
  const make = async (policyId: string) => {
    const { create, options } = await lookUp(policies, policyId, 'policy').load()
    const parts = partsOf(policyId)
    if (!options) requireNone(parts.options, policyId)
    return create(parts)
  }
  const policy = await make(id)
  const notes = opened ? [] : passedOver(id, asked, isPairRead)
  return { policy, pool, notes, strategy }
}

/** What only counts where a policy asks a strategy; the pair also where it names the pool, or a policy asks for a side of it. */
function passedOver(
  id: string,
  { layers: [{ strategy, checkpoint, threshold, strongPct, strong, weak, models }], config }: Asked,
  isPairRead: boolean,
): string[] {
  const isPool = models === undefined && config.models === undefined
  const flags = [
    ...Object.entries({ '--strategy': strategy, '--checkpoint': checkpoint }),
    ...Object.entries({ '--threshold': threshold, '--strong-pct': strongPct }),
    ...(isPool || isPairRead ? [] : Object.entries({ '--strong': strong, '--weak': weak })),
  ].flatMap(([flag, value]) => (value === undefined ? [] : [flag]))
  const verb = flags.length > 1 ? 'do' : 'does'
  return flags.length === 0 ? [] : [`${flags.join(', ')} ${verb} not count: policy ${id} asks no strategy.`]
}

/** A policy without options would pass over what it is given. */
function requireNone(options: unknown, policyId: string): void {
  const [name] = Object.keys(options ?? {})
  if (name === undefined) return
  throw new UsageError(`policy ${policyId}: expected no options, got ${printable(name)}. Leave it out.`)
}

/** Options of the call over those of the configuration. Both name them as llmroute.yaml does. */
function optionsOf(id: string, { layers, config }: Asked): unknown {
  const given = layers[0].policy === id ? layers[0].policyOptions : undefined
  const configured = Object.hasOwn(config.policyOptions ?? {}, id) ? config.policyOptions![id] : undefined
  if (given === undefined || configured === undefined) return given ?? configured
  return Array.isArray(configured) ? given : { ...(configured as object), ...given }
}

/** `--models`, else all configured ones, else the pair. */
function poolOf(asked: Asked): Pool {
  const [{ models: named }] = asked.layers
  const configured = asked.config.models
  const hasPair = asked.layers.some(({ strong, weak }) => strong !== undefined || weak !== undefined)
  const pair = hasPair ? resolvePair(asked, undefined) : undefined
  const models = named ? named.map(id => modelOf(id, configured)) : (configured ?? (pair && [pair.strong, pair.weak]))
  if (!models || models.length === 0) {
    throw new UsageError(
      'policy: expected models to pick from, got none. Name them with --models a,b,c, or in llmroute.yaml (llmroute init writes one).',
    )
  }
  const isIn = (model: Model) => models.some(({ id }) => id === model.id)
  return pair && isIn(pair.strong) && isIn(pair.weak) ? { models, pair } : { models }
}

/** A model that is named has to be one of those configured, where any are. */
function modelOf(id: string, configured: readonly Model[] | undefined): Model {
  const model = configured?.find(candidate => candidate.id === id)
  if (model || !configured) return model ?? { id }
  throw unknownName(
    'model',
    id,
    configured.map(candidate => candidate.id),
  )
}
