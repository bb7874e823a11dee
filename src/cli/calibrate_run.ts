import { UsageError } from '../errors.ts'
import { hashPrompts, seenBy, unseenRows } from '../evaluation/contamination.ts'
import { readCalibrationRows, selectCalibrationRows } from '../io/calibration_rows.ts'
import type { OpenedStrategy } from '../io/open_strategy.ts'
import type { Asked } from '../io/router_options.ts'
import { shuffledIndexes } from '../math/random.ts'
import {
  type CalibrationRows,
  type Spending,
  spendingAt,
  storedSpendingAt,
  type Target,
  thresholdFor,
  thresholdForShare,
} from '../routing/calibration.ts'

/** One target, and what its threshold does to the prompts it was found on and to those held out. */
export interface Calibrated extends Target, Spending {
  readonly threshold: number
  readonly holdout: Spending | null
}

/** What was found, on what: the pair whose outcomes were read, prompts, those seen in training, bad rows left out. */
export interface CalibrationRun {
  readonly calibrated: readonly Calibrated[]
  readonly pair: { readonly strong: string; readonly weak: string }
  readonly rows: number
  readonly seen: number
  readonly skipped: number
}

/** The flags of `calibrate` that say what is read, and how. */
export interface CalibrateFlags {
  readonly promptColumn?: string
  readonly strong?: string
  readonly weak?: string
  readonly skipBad?: boolean
  readonly holdout?: number
}

/** By the win rates that the checkpoint keeps of its own training prompts. */
export function calibrateStored(targets: readonly Target[], opened: OpenedStrategy): CalibrationRun {
  const stored = storedWinRates(opened)
  const calibrated = targets.map(target => {
    const threshold = thresholdForShare(stored, target.value)
    return { ...target, threshold, ...storedSpendingAt(threshold, stored), holdout: null }
  })
  return { calibrated, pair: pairIds(opened), rows: 0, seen: 0, skipped: 0 }
}

/** On a file, with the rows held out that --holdout asks for. Throws UsageError where a target cannot be reached. */
export async function calibrateOn(
  file: string,
  targets: readonly Target[],
  flags: CalibrateFlags,
  asked: Asked,
  opened: OpenedStrategy,
): Promise<CalibrationRun> {
  const { strategy, checkpoint } = opened
  let seen = 0
  let skipped = 0
  const { promptColumn, strong, weak, skipBad = false } = flags
  const { rows, pair } = await readCalibrationRows({
    file,
    strategy,
    targets,
    models: asked.config.models ?? [],
    preferred: pairIds(opened),
    skipBad,
    ...(promptColumn === undefined ? {} : { promptColumn }),
    ...(strong === undefined ? {} : { strong }),
    ...(weak === undefined ? {} : { weak }),
    onPrompts(prompts, left) {
      skipped += left
      if (checkpoint) seen += prompts.length - unseenRows(hashPrompts(prompts), [seenBy(checkpoint)]).length
    },
  })
  if (rows.winRates.length === 0) throw new UsageError(`${file}: expected at least one row that can be used, got none.`)
  const { used, held } = split(rows, flags.holdout, asked.seed)
  const calibrated = targets.map((target): Calibrated => {
    const threshold = thresholdFor(target, used)
    if (threshold === undefined) throw unreachable(target, used)
    return { ...target, threshold, ...spendingAt(threshold, used), holdout: held ? spendingAt(threshold, held) : null }
  })
  return { calibrated, pair, rows: rows.winRates.length, seen, skipped }
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
        `--max-cost: expected at least $${weak.costPer1000!.toPrecision(3)} per 1,000 prompts, which weak alone costs, got $${value}.`,
      )
    : new UsageError(`--target-quality: expected a quality that some threshold reaches, got ${value}.`)
}

function pairIds({ pair }: OpenedStrategy): CalibrationRun['pair'] {
  return { strong: pair.strong.id, weak: pair.weak.id }
}
