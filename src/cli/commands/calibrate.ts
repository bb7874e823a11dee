import type { Command } from 'commander'
import { UsageError } from '../../errors.ts'
import { hashPrompts, seenBy, unseenRows } from '../../evaluation/contamination.ts'
import { readCalibrationRows, selectCalibrationRows } from '../../io/calibration_rows.ts'
import { resolveDataset, shippedCheckpoint } from '../../io/catalog.ts'
import { environmentOptions, readConfig, saveCalibration } from '../../io/config.ts'
import { type OpenedStrategy, openStrategy } from '../../io/open_strategy.ts'
import { shuffledIndexes } from '../../math/random.ts'
import { type CalibrationRows, spendingAt, type Target, thresholdFor } from '../../routing/calibration.ts'
import { addStrategyOptions, type DecisionFlags, parseShare, routerOptions } from '../options.ts'
import { type Calibrated, renderCalibrated } from '../output/calibration_table.ts'
import { toPrettyJson } from '../output/json.ts'
import { percent } from '../output/numbers.ts'

interface Flags extends Omit<DecisionFlags, 'threshold' | 'strongPct'> {
  strongPct: number[]
  targetQuality?: number
  maxCost?: number
  data?: string
  promptColumn?: string
  holdout?: number
  save?: boolean
  json?: boolean
}

const EXAMPLES = `
Examples:
  llmroute calibrate --strong-pct 0.3
  llmroute calibrate --strong-pct 10%,30%,50% --data my_prompts.jsonl
  llmroute calibrate --strong-pct 30% --data my_prompts.csv --holdout 0.2 --save
  llmroute calibrate --target-quality 0.95 --data outcomes.csv
  llmroute calibrate --max-cost 1.20 --data sample

Without --data the share is looked up in the win rates that the checkpoint keeps of its own training prompts: your traffic is
another, so calibrate on it. --save writes threshold, strategy and the checkpoint's sha256 to llmroute.yaml, which route and
batch then use.

--json prints { "version", "strategy", "checkpoint": { "file", "sha256" } or null, "data", "rows", "seen", "targets": [{ "kind",
"value", "threshold", "strongShare", "strongShareLow", "strongShareHigh", "tiedShare", "quality", "costPer1000", "holdout":
the same of the rows held out, or null }] }: shares are fractions, costs US dollars; threshold null sends everything to weak.`

/** `llmroute calibrate`. */
export function define(command: Command): void {
  addStrategyOptions(command)
    .option('-p, --strong-pct <shares>', 'share of prompts for strong: 0.3, 30% or a list 0.1,0.3', collectShares, [])
    .option('--target-quality <share>', "fewest prompts to strong that keep this share of strong's quality", text =>
      parseShare(text, '--target-quality'),
    )
    .option('--max-cost <dollars>', 'most prompts to strong within dollars per 1,000 prompts', parseDollars)
    .option('-d, --data <file>', 'your prompts; with outcomes for --target-quality and --max-cost')
    .option('--prompt-column <name>', 'column that holds the prompt (default prompt)')
    .option('--holdout <share>', 'calibrate without this share of the data, and show what happens on it', text =>
      parseShare(text, '--holdout'),
    )
    .option('--save', 'write the result to llmroute.yaml')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(run)
}

async function run(flags: Flags): Promise<void> {
  const targets = targetsOf(flags)
  const { strongPct: _, ...strategyFlags } = flags
  const asked = { ...environmentOptions(), ...routerOptions(strategyFlags) }
  const config = await readConfig(asked.config)
  const opened = await openStrategy(asked, config)
  const { strategyId, strategy, checkpoint } = opened
  let seen = 0
  const rows = flags.data
    ? await readCalibrationRows({
        file: resolveDataset(flags.data),
        strategy,
        targets,
        models: config.models ?? [],
        ...(flags.promptColumn === undefined ? {} : { promptColumn: flags.promptColumn }),
        ...(flags.strong === undefined ? {} : { strong: flags.strong }),
        ...(flags.weak === undefined ? {} : { weak: flags.weak }),
        onPrompts: prompts => {
          if (checkpoint) seen += prompts.length - unseenRows(hashPrompts(prompts), [seenBy(checkpoint)]).length
        },
      })
    : { winRates: storedWinRates(opened) }
  const { used, held } = split(rows, flags.holdout, flags.seed ?? 0)
  const calibrated = targets.map((target): Calibrated => {
    const threshold = thresholdFor(target, used)
    if (threshold === undefined) throw unreachable(target, used)
    return { ...target, threshold, ...spendingAt(threshold, used), holdout: held ? spendingAt(threshold, held) : null }
  })

  const count = flags.data ? rows.winRates.length : 0
  const about = {
    version: 1,
    strategy: strategyId,
    checkpoint: checkpoint ? { file: checkpoint.file, sha256: checkpoint.sha256 } : null,
  }
  const basis = { data: flags.data ?? null, rows: count, seen }
  if (flags.json) process.stdout.write(toPrettyJson({ ...about, ...basis, targets: calibrated }))
  else process.stdout.write(renderCalibrated(calibrated, flags.data !== undefined))
  warn(calibrated, seen, count)
  if (flags.save) await save(calibrated[0]!.threshold, opened, asked.config)
}

function targetsOf({ strongPct, targetQuality, maxCost, data, holdout, save }: Flags): Target[] {
  const targets: Target[] = [
    ...strongPct.map(value => ({ kind: 'strong_pct' as const, value })),
    ...(targetQuality === undefined ? [] : [{ kind: 'target_quality' as const, value: targetQuality }]),
    ...(maxCost === undefined ? [] : [{ kind: 'max_cost' as const, value: maxCost }]),
  ]
  if (targets.length === 0) {
    throw new UsageError(
      'calibrate: expected --strong-pct, --target-quality or --max-cost, got none. Try --strong-pct 0.3.',
    )
  }
  const needsOutcomes =
    targetQuality !== undefined ? '--target-quality' : maxCost !== undefined ? '--max-cost' : undefined
  if (needsOutcomes && data === undefined)
    throw new UsageError(`${needsOutcomes}: expected --data with outcomes, got none.`)
  if (holdout !== undefined && data === undefined)
    throw new UsageError('--holdout: expected --data beside it, got none.')
  if (save && targets.length > 1) throw new UsageError(`--save: expected one target, got ${targets.length}.`)
  return targets
}

function storedWinRates({ strategyId, strategy, checkpoint }: OpenedStrategy): Float64Array {
  const stored = checkpoint?.tensors.win_rate_quantiles
  if (stored) return stored.data as Float64Array
  if (strategy.quantile) return Float64Array.from({ length: 1001 }, (_, k) => strategy.quantile!(k / 1000))
  throw new UsageError(`--data: expected your prompts, since ${strategyId} keeps no win rates of its own, got none.`)
}

function split(
  rows: CalibrationRows,
  holdout: number | undefined,
  seed: number,
): { used: CalibrationRows; held?: CalibrationRows } {
  if (holdout === undefined) return { used: rows }
  const order = shuffledIndexes(rows.winRates.length, seed)
  const cut = Math.round(order.length * holdout)
  if (cut === 0 || cut === order.length) {
    throw new UsageError(`--holdout: expected rows on both sides, got ${cut} of ${order.length} held out.`)
  }
  return {
    used: selectCalibrationRows(rows, order.subarray(cut)),
    held: selectCalibrationRows(rows, order.subarray(0, cut)),
  }
}

function unreachable({ kind, value }: Target, rows: CalibrationRows): UsageError {
  const weak = spendingAt(Number.POSITIVE_INFINITY, rows)
  return kind === 'max_cost'
    ? new UsageError(
        `--max-cost: expected at least $${weak.costPer1000} per 1,000 prompts, which weak alone costs, got $${value}.`,
      )
    : new UsageError(`--target-quality: expected a quality that some threshold reaches, got ${value}.`)
}

function warn(calibrated: readonly Calibrated[], seen: number, rows: number): void {
  for (const { threshold, tiedShare, strongShare } of calibrated) {
    if (tiedShare > 0) {
      process.stderr.write(
        `${percent(tiedShare)} of the prompts tie at threshold ${threshold}: the share can only be ${percent(strongShare)} or ${percent(strongShare - tiedShare)}.\n`,
      )
    }
  }
  if (seen > 0) {
    process.stderr.write(
      `${seen} of ${rows} prompts were seen in training: on new prompts win rates are less extreme, and the share another.\n`,
    )
  }
}

async function save(
  threshold: number,
  { strategyId, checkpoint }: OpenedStrategy,
  config: string | undefined,
): Promise<void> {
  const file = await saveCalibration(
    {
      strategy: strategyId,
      threshold,
      ...(checkpoint
        ? { checkpoint: { ...checkpoint, isShipped: checkpoint.file === shippedCheckpoint(strategyId) } }
        : {}),
    },
    config,
  )
  process.stderr.write(`Saved ${file}\n`)
}

function collectShares(text: string, previous: number[]): number[] {
  return [...previous, ...text.split(',').map(share => parseShare(share))]
}

function parseDollars(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
    throw new UsageError(`--max-cost: expected dollars per 1,000 prompts, got "${text}".`)
  return value
}
