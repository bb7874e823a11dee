import { DataError, UsageError } from '../errors.ts'
import { create as createThreshold } from '../policies/threshold.ts'
import { thresholdForShare } from '../routing/calibration.ts'
import type { Decision, ModelPair, Reason } from '../types.ts'
import type { StoredCheckpoint } from './checkpoint.ts'
import type { Config } from './config.ts'
import { type OpenedStrategy, openStrategy } from './open_strategy.ts'
import { type Asked, gatherOptions, type RouterOptions } from './router_options.ts'

/** Share of prompts for strong where nobody asked for another. */
const DEFAULT_STRONG_PCT = 0.5

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

/**
 * Opens a router. Precedence: options, environment (`LLMROUTE_*`), llmroute.yaml, checkpoint.
 * @throws UsageError, DataError
 */
export async function createRouter(options: RouterOptions = {}): Promise<Router> {
  const asked = await gatherOptions(options)
  const opened = await openStrategy(asked)
  const { strategyId, strategy, checkpoint, pair, isConfigured, notes } = opened
  if (checkpoint && isConfigured) checkSha256(checkpoint, asked.config)
  const threshold = resolveThreshold(asked, opened)
  const policy = await createThreshold({ strategy: async () => ({ strategy, strategyId, threshold }) })
  const pool = { models: [pair.strong, pair.weak], pair }
  return {
    strategyId,
    threshold,
    pair,
    checkpoint,
    notes,
    decide: async prompts => {
      requireTexts(prompts)
      const decisions = await policy.decide(
        prompts.map(prompt => ({ prompt })),
        pool,
      )
      return decisions as Decision[]
    },
    winRate: async prompts => {
      requireTexts(prompts)
      return strategy.winRate(prompts)
    },
    ...(strategy.quality
      ? {
          quality: async (prompts, models) => {
            requireTexts(prompts)
            return strategy.quality!(prompts, models)
          },
        }
      : {}),
    explain: async prompt => (await strategy.explain?.(prompt)) ?? [],
  }
}

/** Callers in plain JavaScript have no compiler to tell them. */
function requireTexts(prompts: unknown): void {
  if (Array.isArray(prompts) && prompts.every(prompt => typeof prompt === 'string')) return
  throw new UsageError(
    `prompts: expected a list of texts, got ${Array.isArray(prompts) ? 'other things in it' : typeof prompts}.`,
  )
}

function checkSha256({ file, sha256 }: StoredCheckpoint, config: Config): void {
  if (config.checkpointSha256 === undefined || config.checkpointSha256 === sha256) return
  throw new DataError(
    config.file!,
    undefined,
    `expected ${file} with sha256 ${config.checkpointSha256.slice(0, 12)}…, got ${sha256.slice(0, 12)}…. The threshold was calibrated on other weights; run llmroute calibrate again, with --save.`,
  )
}

/** The threshold of llmroute.yaml counts only for the strategy and weights that it names. */
function resolveThreshold(
  { layers }: Asked,
  { strategyId, strategy, checkpoint, isConfigured }: OpenedStrategy,
): number {
  for (const { threshold, strongPct } of isConfigured ? layers : layers.slice(0, 2)) {
    if (threshold !== undefined) return threshold
    if (strongPct !== undefined) return lookUpShare(strongPct)
  }
  return checkpoint || strategy.quantile ? lookUpShare(DEFAULT_STRONG_PCT) : 0.5

  function lookUpShare(share: number): number {
    if (strategy.quantile) return share <= 0 ? Number.POSITIVE_INFINITY : strategy.quantile(1 - share)
    const quantiles = checkpoint?.tensors.win_rate_quantiles
    if (quantiles) return thresholdForShare(quantiles.data as Float64Array, share)
    if (checkpoint) {
      throw new UsageError(
        `${checkpoint.file}: expected --threshold, since these weights come without win-rate quantiles. Find one for your prompts: llmroute calibrate --checkpoint ${checkpoint.file} --strong-pct 30% --data YOUR_PROMPTS.`,
      )
    }
    throw new UsageError(
      `--strong-pct: expected a strategy with stored win-rate quantiles, got ${strategyId}. Use --threshold, or llmroute calibrate --strategy ${strategyId} --data your_prompts.csv.`,
    )
  }
}
