import { UsageError } from '../errors.ts'
import { saysWhatItSaw, seenBy } from '../evaluation/contamination.ts'
import { type PolicyRun, runPolicy, type SimulatedParts } from '../evaluation/policy_run.ts'
import type { PoolTest } from '../evaluation/pool_test.ts'
import { lambdas, thresholds } from '../evaluation/sweep_values.ts'
import { type PolicyParts, policies } from '../policies/registry.ts'
import { lookUp } from '../registry.ts'
import { thresholdForShare } from '../routing/calibration.ts'
import type { Policy, Pool, RouteRequest, Strategy } from '../types.ts'
import { defaultStrategy } from './catalog.ts'
import { readClassifier } from './embedder_table.ts'
import { openCheckpoint } from './open_checkpoint.ts'
import type { PolicyStrategies } from './policy_strategies.ts'
import type { Asked } from './router_options.ts'

/** A policy with one strategy to ask, where it asks any, ready to be run on a test as often as needed. */
export interface PolicyEntrant {
  /** The policy's id, with the strategy in parentheses where several take part. */
  readonly id: string
  readonly policy: string
  readonly strategy?: string
  run(test: PoolTest, requests: readonly RouteRequest[]): Promise<PolicyRun>
  /** The option that trades cost against quality; absent where the policy has none. */
  readonly sweep?: {
    readonly option: string
    values(test: PoolTest, requests: readonly RouteRequest[]): Promise<readonly number[]>
    run(value: number, test: PoolTest, requests: readonly RouteRequest[]): Promise<PolicyRun>
  }
}

/** Who takes part. */
export interface OpenedPolicyEntrants {
  readonly entrants: readonly PolicyEntrant[]
  /** What checkpoints that policies opened were trained on: sorted prompt hashes. */
  readonly seen: readonly BigUint64Array[]
  readonly notes: readonly string[]
}

interface EntrantOptions {
  readonly policies: readonly string[]
  readonly strategies?: readonly string[]
  readonly seed: number
}

/** Share of prompts for strong where nobody asked for another. */
const STRONG_PCT = 0.5
/** The strategy that policies ask about N models where none is named: the one whose predictions of quality were worth most. */
const QUALITY_STRATEGY = 'knn'

/**
 * Makes every policy once, to find what is wrong with its options and which strategies it asks.
 * @throws UsageError for an unknown policy or strategy, or options that do not fit; DataError.
 */
export async function openPolicyEntrants(
  { policies: ids, strategies: named, seed }: EntrantOptions,
  asked: Asked,
  pool: Pool,
  strategies: PolicyStrategies,
): Promise<OpenedPolicyEntrants> {
  const seen: BigUint64Array[] = []
  const notes: string[] = []
  const given = await strategies.named()
  const configured = asked.layers.find(({ strategy }) => strategy !== undefined)?.strategy
  const strategiesFor = (policy: string) => {
    if (named) return named
    if (given.length > 0) return given
    return [configured ?? (policy === 'threshold' ? defaultStrategy : QUALITY_STRATEGY)]
  }
  const entrants: PolicyEntrant[] = []
  for (const id of ids) {
    const candidates = strategiesFor(id)
    let isAsked = false
    const open = (
      strategy: string,
      set: Record<string, number>,
      live?: SimulatedParts,
      requests?: readonly RouteRequest[],
    ) =>
      makePolicy(id, {
        asked,
        ids,
        pool,
        seed,
        set,
        strategies,
        strategyId: strategy,
        requests,
        now: live?.now ?? (() => 0),
        statistics: live?.statistics,
        onStrategy: () => {
          isAsked = true
        },
        onCheckpoint: (file, checkpoint) => {
          seen.push(seenBy(checkpoint))
          const note = `${id}: ${file} does not say which prompts it was trained on, so whether it has seen these cannot be checked.`
          if (!saysWhatItSaw(checkpoint) && !notes.includes(note)) notes.push(note)
        },
      })
    await open(candidates[0]!, {})
    for (const strategy of isAsked ? candidates : candidates.slice(0, 1)) {
      const run = (test: PoolTest, requests: readonly RouteRequest[], set: Record<string, number> = {}) =>
        runPolicy(async live => ({ policy: await open(strategy, set, live, requests), pool }), requests, test, seed)
      const option = SWEPT[id]
      entrants.push({
        id: isAsked && candidates.length > 1 ? `${id} (${strategy})` : id,
        policy: id,
        ...(isAsked ? { strategy } : {}),
        run,
        ...(option
          ? {
              sweep: {
                option,
                values: async (test, requests) =>
                  option === 'threshold'
                    ? thresholds(await winRatesOf(await strategies.open(strategy), requests))
                    : lambdas(test),
                run: (value, test, requests) => run(test, requests, { [option]: value }),
              },
            }
          : {}),
      })
    }
  }
  return { entrants, seen, notes }
}

/** Policies with an option that trades cost against quality. */
const SWEPT: Readonly<Record<string, string>> = { best_value: 'lambda', threshold: 'threshold' }

interface MakeOptions {
  readonly asked: Asked
  readonly ids: readonly string[]
  readonly pool: Pool
  readonly seed: number
  /** Options set over those that were asked for. */
  readonly set: Readonly<Record<string, number>>
  readonly strategies: PolicyStrategies
  readonly strategyId: string
  /** What a share of prompts is a share of. */
  readonly requests: readonly RouteRequest[] | undefined
  readonly statistics: Pool['statistics'] | undefined
  now(): number
  onStrategy(): void
  onCheckpoint(file: string, checkpoint: Awaited<ReturnType<typeof openCheckpoint>>): void
}

async function makePolicy(id: string, make: MakeOptions): Promise<Policy> {
  const { asked, ids, seed, set, strategies, strategyId, requests, statistics } = make
  const pool = { ...make.pool, ...(statistics ? { statistics } : {}) }
  const partsOf = (policyId: string): PolicyParts => ({
    options: policyId === id ? withSet(optionsOf(policyId, ids, asked)) : optionsOf(policyId, ids, asked),
    pool,
    seed,
    now: make.now,
    async strategy() {
      make.onStrategy()
      const strategy = await strategies.open(strategyId)
      const threshold = set.threshold ?? (await thresholdOf(asked, strategy, strategyId, requests))
      return { strategy, strategyId, threshold }
    },
    policy: other => open(other),
    async checkpoint(file) {
      const checkpoint = await openCheckpoint(file)
      make.onCheckpoint(file, checkpoint)
      return checkpoint
    },
    classifier: readClassifier,
  })
  // The threshold is set where the strategy is opened; some policies have a list of options.
  const withSet = (options: object | undefined) => (set.lambda === undefined ? options : { ...options, ...set })
  const open = async (policyId: string) => (await lookUp(policies, policyId, 'policy').load()).create(partsOf(policyId))
  return open(id)
}

/**
 * Options of the command line over those of the configuration. Where several policies are evaluated, those of the command line
 * stand under the policy's id.
 */
function optionsOf(id: string, ids: readonly string[], { layers, config }: Asked): object | undefined {
  const all = layers[0].policyOptions as Readonly<Record<string, unknown>> | undefined
  const stray = ids.length > 1 ? Object.keys(all ?? {}).find(name => !Object.hasOwn(policies, name)) : undefined
  if (stray !== undefined) {
    throw new UsageError(
      `--policy-option: expected the policy before the option of one of several, such as ${ids[0]}.${stray}=…, got ${stray}.`,
    )
  }
  const own =
    all && Object.hasOwn(all, id) && typeof all[id] === 'object'
      ? all[id]
      : ids.length > 1 || id !== ids[0]
        ? undefined
        : all
  const configured = Object.hasOwn(config.policyOptions ?? {}, id) ? config.policyOptions![id] : undefined
  if (own === undefined || configured === undefined || Array.isArray(configured))
    return (own ?? configured) as object | undefined
  return { ...(configured as object), ...(own as object) }
}

/** The threshold that was asked for; a share is one of the tested prompts. */
async function thresholdOf(
  { layers, config }: Asked,
  strategy: Strategy,
  id: string,
  requests: readonly RouteRequest[] | undefined,
) {
  const own = config.strategy === undefined || config.strategy === id ? layers : layers.slice(0, 2)
  const found = own.find(({ threshold, strongPct }) => threshold !== undefined || strongPct !== undefined)
  if (found?.threshold !== undefined) return found.threshold
  if (!requests) return 0
  return thresholdForShare((await winRatesOf(strategy, requests)).sort(), found?.strongPct ?? STRONG_PCT)
}

function winRatesOf(strategy: Strategy, requests: readonly RouteRequest[]): Promise<Float64Array> {
  return strategy.winRate(requests.map(({ prompt }) => prompt))
}
