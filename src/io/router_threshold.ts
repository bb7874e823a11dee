import { DataError, UsageError } from '../errors.ts'
import { thresholdForShare } from '../routing/calibration.ts'
import type { StoredCheckpoint } from './checkpoint.ts'
import type { Config } from './config.ts'
import { type OpenedStrategy, openStrategy } from './open_strategy.ts'
import type { Asked } from './router_options.ts'

/** Share of prompts for strong where nobody asked for another. */
const DEFAULT_STRONG_PCT = 0.5

/** What a share is called by who asks for it: options, environment, configuration. */
const SHARE_NAMES = ['--strong-pct', 'LLMROUTE_STRONG_PCT', 'strong_pct'] as const

/** A strategy that is ready to decide between its pair. */
export interface ReadyStrategy extends OpenedStrategy {
  /** Strong iff winRate >= threshold. */
  readonly threshold: number
}

/**
 * Opens the strategy that was asked for, with its threshold. Throws UsageError, DataError.
 * @param start threshold for a share that cannot be looked up, where traffic will correct it. Default: that is an error.
 */
export async function openThreshold(asked: Asked, start?: number): Promise<ReadyStrategy> {
  const opened = await openStrategy(asked)
  if (opened.checkpoint && opened.isConfigured) checkSha256(opened.checkpoint, asked.config)
  return { ...opened, threshold: resolveThreshold(asked, opened, start) }
}

function followAdvice({ file, isThresholdAuto }: Config): string {
  if (isThresholdAuto) return ' threshold: auto is for serve and policy threshold.'
  return file === undefined ? '' : ' With threshold: auto in llmroute.yaml, serve learns it from its traffic.'
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
  { layers, config }: Asked,
  { strategyId, strategy, checkpoint, isConfigured }: OpenedStrategy,
  start: number | undefined,
): number {
  for (const [i, { threshold, strongPct }] of (isConfigured ? layers : layers.slice(0, 2)).entries()) {
    if (threshold !== undefined) return threshold
    if (strongPct !== undefined) return lookUpShare(strongPct, SHARE_NAMES[i]!)
  }
  return checkpoint || strategy.quantile ? lookUpShare(DEFAULT_STRONG_PCT, SHARE_NAMES[0]) : 0.5

  function lookUpShare(share: number, where: string): number {
    if (strategy.quantile) return share <= 0 ? Number.POSITIVE_INFINITY : strategy.quantile(1 - share)
    const quantiles = checkpoint?.tensors.win_rate_quantiles
    if (quantiles) return thresholdForShare(quantiles.data as Float64Array, share)
    if (start !== undefined) return start
    if (checkpoint) {
      throw new UsageError(
        `${checkpoint.file}: expected --threshold, since these weights come without win-rate quantiles. Find one for your prompts: llmroute calibrate --checkpoint ${checkpoint.file} --strong-pct 30% --data YOUR_PROMPTS.`,
      )
    }
    throw new UsageError(
      `${where}: expected a strategy with stored win-rate quantiles, got ${strategyId}. Use --threshold, or llmroute calibrate --strategy ${strategyId} --data your_prompts.csv.${followAdvice(config)}`,
    )
  }
}
