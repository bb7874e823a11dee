import type { Command } from 'commander'
import { UsageError } from '../../errors.ts'
import { resolveDataset, shippedCheckpoint } from '../../io/catalog.ts'
import { saveCalibration } from '../../io/config_calibration.ts'
import { type OpenedStrategy, openStrategy } from '../../io/open_strategy.ts'
import { gatherOptions } from '../../io/router_options.ts'
import type { Target } from '../../routing/calibration.ts'
import { calibratePolicy } from '../calibrate_policy.ts'
import { type CalibrateFlags, type CalibrationRun, calibrateOn, calibrateStored } from '../calibrate_run.ts'
import { addPolicyOptions, addStrategyOptions, type DecisionFlags, parseShare, routerOptions } from '../options.ts'
import { renderCalibrated } from '../output/calibration_table.ts'
import { toPrettyJson } from '../output/json.ts'
import { percent } from '../output/numbers.ts'

interface Flags extends Omit<DecisionFlags, 'threshold' | 'strongPct' | keyof CalibrateFlags>, CalibrateFlags {
  strongPct: number[]
  targetQuality?: number
  maxCost?: number
  data?: string
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
  llmroute calibrate --policy best_value --max-cost 1.20 --checkpoint wide.safetensors --data outcomes.csv --save

Without --data the share is looked up in the win rates that the checkpoint keeps of its own training prompts: your traffic is
another, so calibrate on it. --save writes threshold, strategy and the checkpoint's sha256 to llmroute.yaml, which route and
batch then use.

--json prints { "version", "strategy", "checkpoint": { "file", "sha256" } or null, "pair": { "strong", "weak" }, "data", "rows", "seen",
"skipped", "targets": [{ "kind", "value", "threshold", "strongShare", "strongShareLow", "strongShareHigh", "tiedShare", "quality", "costPer1000", "holdout":
the same of the rows held out, or null }] }: shares are fractions, costs US dollars; threshold null sends everything to
weak; the interval is null without --data.

With --policy best_value, --max-cost finds the least lambda (quality that a dollar is worth) that keeps the pool within dollars per
1,000 prompts: by the costs in the data, where it has those of every model, else by the prices of llmroute.yaml. --save writes
policy, best_value.lambda, strategy and checkpoint. --json prints { "version", "policy", "strategy", "checkpoint", "models", "data",
"rows", "seen", "skipped", "costs" ("measured" or "predicted"), "targets": [{ "kind", "value", "lambda", "costPer1000",
"costPer1000Low", "costPer1000High", "quality", "shares": { MODEL: share }, "holdout": the same of the rows held out, or null }] }.`

/** `llmroute calibrate`. */
export function define(command: Command): void {
  addPolicyOptions(addStrategyOptions(command))
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
    .option('--skip-bad', 'leave bad rows out and count them')
    .option('--save', 'write the result to llmroute.yaml')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(calibrate)
}

async function calibrate(flags: Flags): Promise<void> {
  if (flags.policy !== undefined && flags.policy !== 'threshold') return calibratePolicy(flags)
  const targets = targetsOf(flags)
  const { strongPct: _, ...strategyFlags } = flags
  const asked = await gatherOptions(await routerOptions(strategyFlags))
  const opened = await openStrategy(asked)
  const { strategyId, checkpoint } = opened
  for (const note of opened.notes) process.stderr.write(`${note}\n`)
  const run =
    flags.data === undefined
      ? calibrateStored(targets, opened)
      : await calibrateOn(resolveDataset(flags.data), targets, flags, asked, opened)
  const { calibrated, pair, rows, seen, skipped } = run

  if (flags.json) {
    const weights = checkpoint ? { file: checkpoint.file, sha256: checkpoint.sha256 } : null
    const basis = { pair, data: flags.data ?? null, rows, seen, skipped }
    process.stdout.write(
      toPrettyJson({ version: 1, strategy: strategyId, checkpoint: weights, ...basis, targets: calibrated }),
    )
  } else process.stdout.write(renderCalibrated(calibrated, flags.data !== undefined))
  warn(run)
  if (flags.save) {
    const isAsked = flags.strong !== undefined || flags.weak !== undefined
    await save(calibrated[0]!.threshold, opened, isAsked ? pair : undefined, asked.config.file ?? flags.config)
  }
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

function warn({ calibrated, pair, rows, seen, skipped }: CalibrationRun): void {
  for (const { threshold, tiedShare, strongShare } of calibrated) {
    if (tiedShare > 0) {
      process.stderr.write(
        `${percent(tiedShare)} of the prompts tie at threshold ${threshold}: the share can only be ${percent(strongShare)} or ${percent(strongShare - tiedShare)}.\n`,
      )
    }
  }
  if (calibrated.some(({ kind }) => kind !== 'strong_pct')) {
    process.stderr.write(`Calibrated for strong ${pair.strong} against weak ${pair.weak}.\n`)
  }
  if (skipped > 0) process.stderr.write(`${skipped} bad rows left out (--skip-bad).\n`)
  if (seen > 0) {
    process.stderr.write(
      `${seen} of ${rows} prompts were seen in training: on new prompts win rates are less extreme, so share and quality differ. Calibrate on others.\n`,
    )
  }
}

async function save(
  threshold: number,
  { strategyId, checkpoint }: OpenedStrategy,
  pair: { strong: string; weak: string } | undefined,
  config: string | undefined,
): Promise<void> {
  const isShipped = checkpoint?.file === shippedCheckpoint(strategyId)
  const file = await saveCalibration(
    {
      strategy: strategyId,
      threshold,
      ...(pair ? { pair } : {}),
      ...(checkpoint ? { checkpoint: { file: checkpoint.file, sha256: checkpoint.sha256, isShipped } } : {}),
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
