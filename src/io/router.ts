import { DataError, UsageError } from '../errors.ts'
import { policies } from '../policies/registry.ts'
import { lookUp, unknownName } from '../registry.ts'
import { thresholdForShare } from '../routing/calibration.ts'
import type { Decision, Model, ModelPair, Reason, Strategy } from '../types.ts'
import type { StoredCheckpoint } from './checkpoint.ts'
import { type Config, environmentOptions, readConfig } from './config.ts'
import { openStrategy } from './open_strategy.ts'

/** Share of prompts for strong where nobody asked for another. */
const DEFAULT_STRONG_PCT = 0.5

/** What a router is made from; all optional. Plain data, so that a worker can be sent it. */
export interface RouterOptions {
  /** Strategy id. Default: that of the checkpoint, else of llmroute.yaml, else the shipped default. */
  readonly strategy?: string
  /** Path of a checkpoint. Default: that of llmroute.yaml, else the shipped one of the strategy. */
  readonly checkpoint?: string
  /** Strong iff winRate >= threshold; Infinity sends everything to weak. */
  readonly threshold?: number
  /** Share for strong, 0..1, looked up in the checkpoint's win-rate quantiles. Default 0.5. */
  readonly strongPct?: number
  /** Ids of the pair's models. Default: those of llmroute.yaml, else of the checkpoint. */
  readonly strong?: string
  readonly weak?: string
  readonly seed?: number
  /** Path of the configuration. Default: llmroute.yaml in the working directory or above it. */
  readonly config?: string
}

/** Strategy, threshold and pair: what `route` is called on. */
export interface Router {
  readonly strategyId: string
  readonly threshold: number
  readonly pair: ModelPair
  /** Absent where the strategy has no weights. */
  readonly checkpoint: StoredCheckpoint | undefined
  /** One decision per prompt, in order. */
  decide(prompts: readonly string[]): Promise<Decision[]>
  /** One win rate per prompt, in order, 0..1. */
  winRate(prompts: readonly string[]): Promise<Float64Array>
  /** What moved the decision, most important first; empty where the strategy cannot say. */
  explain(prompt: string): Promise<readonly Reason[]>
}

/**
 * Opens a router. Precedence: options, environment (`LLMROUTE_*`), llmroute.yaml, checkpoint.
 * @throws UsageError, DataError
 */
export async function createRouter(options: RouterOptions = {}): Promise<Router> {
  const asked = { ...environmentOptions(), ...options }
  const config = await readConfig(asked.config)
  const { strategyId, strategy, checkpoint, isConfigured } = await openStrategy(asked, config)
  if (checkpoint && isConfigured) checkSha256(checkpoint, config)
  const threshold = resolveThreshold(asked, isConfigured ? config : {}, strategyId, strategy, checkpoint)
  const pair = resolvePair(asked, config, checkpoint)
  const policy = (await lookUp(policies, 'threshold', 'policy').load()).create({ strategy, strategyId, threshold })
  const pool = { models: [pair.strong, pair.weak], pair }
  return {
    strategyId,
    threshold,
    pair,
    checkpoint,
    decide: prompts =>
      policy.decide(
        prompts.map(prompt => ({ prompt })),
        pool,
      ),
    winRate: prompts => strategy.winRate(prompts),
    explain: async prompt => (await strategy.explain?.(prompt)) ?? [],
  }
}

function checkSha256({ file, sha256 }: StoredCheckpoint, config: Config): void {
  if (config.checkpointSha256 === undefined || config.checkpointSha256 === sha256) return
  throw new DataError(
    config.file!,
    undefined,
    `expected ${file} with sha256 ${config.checkpointSha256.slice(0, 12)}…, got ${sha256.slice(0, 12)}…. The threshold was calibrated on other weights; run llmroute calibrate --save again.`,
  )
}

function resolveThreshold(
  asked: RouterOptions,
  config: Config,
  strategyId: string,
  strategy: Strategy,
  checkpoint: StoredCheckpoint | undefined,
): number {
  for (const { threshold, strongPct } of [asked, config]) {
    if (threshold !== undefined) return threshold
    if (strongPct !== undefined) return lookUpShare(strongPct)
  }
  return checkpoint || strategy.quantile ? lookUpShare(DEFAULT_STRONG_PCT) : 0.5

  function lookUpShare(share: number): number {
    if (strategy.quantile) return share <= 0 ? Number.POSITIVE_INFINITY : strategy.quantile(1 - share)
    const quantiles = checkpoint?.tensors.win_rate_quantiles
    if (quantiles) return thresholdForShare(quantiles.data as Float64Array, share)
    throw new UsageError(
      `--strong-pct: expected a strategy with stored win-rate quantiles, got ${strategyId}. Use --threshold, or llmroute calibrate --strategy ${strategyId} --data your_prompts.csv.`,
    )
  }
}

function resolvePair(asked: RouterOptions, config: Config, checkpoint: StoredCheckpoint | undefined): ModelPair {
  const trained = checkpoint?.metadata.pair ?? { strong: 'strong', weak: 'weak' }
  const strong = modelOf(
    asked.strong ?? config.pair?.strong ?? trained.strong,
    config,
    asked.strong ? '--strong' : 'pair',
  )
  const weak = modelOf(asked.weak ?? config.pair?.weak ?? trained.weak, config, asked.weak ? '--weak' : 'pair')
  if (strong.id === weak.id) throw new UsageError(`--strong and --weak: expected two models, got ${strong.id} twice.`)
  return { strong, weak }
}

function modelOf(id: string, config: Config, where: string): Model {
  const configured = config.models
  if (!configured || where === 'pair') return configured?.find(model => model.id === id) ?? { id }
  const model = configured.find(candidate => candidate.id === id)
  if (!model)
    throw unknownName(
      'model',
      id,
      configured.map(candidate => candidate.id),
    )
  return model
}
