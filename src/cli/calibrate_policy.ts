import { UsageError } from '../errors.ts'
import { resolveDataset, shippedCheckpoint } from '../io/catalog.ts'
import { saveLambda } from '../io/config_calibration.ts'
import { calibrateLambda, type LambdaRun, type ValueSpending } from '../io/lambda_calibration.ts'
import { gatherOptions } from '../io/router_options.ts'
import { type DecisionFlags, routerOptions } from './options.ts'
import { span } from './output/eval_table.ts'
import { toPrettyJson } from './output/json.ts'
import { dollars, fixed, percent } from './output/numbers.ts'
import { renderTable } from './output/table.ts'

/** The flags of `calibrate` that count for a policy. */
export interface CalibratePolicyFlags extends Omit<DecisionFlags, 'threshold' | 'strongPct'> {
  readonly strongPct: readonly number[]
  readonly targetQuality?: number
  readonly maxCost?: number
  readonly data?: string
  readonly promptColumn?: string
  readonly holdout?: number
  readonly skipBad?: boolean
  readonly save?: boolean
  readonly json?: boolean
}

/** `llmroute calibrate --policy best_value --max-cost`. */
export async function calibratePolicy(flags: CalibratePolicyFlags): Promise<void> {
  const { policy, strongPct, targetQuality, maxCost, data, promptColumn, holdout, skipBad = false } = flags
  if (policy !== 'best_value') {
    throw new UsageError(`--policy: expected best_value, whose lambda can be calibrated, got ${policy}.`)
  }
  if (strongPct.length > 0 || targetQuality !== undefined || maxCost === undefined) {
    throw new UsageError('calibrate --policy best_value: expected --max-cost as its one target, got another or none.')
  }
  if (data === undefined) throw new UsageError('--max-cost: expected --data with your prompts, got none.')
  const { strongPct: _, ...decision } = flags
  const asked = await gatherOptions(await routerOptions(decision))
  const run = await calibrateLambda(asked, {
    file: resolveDataset(data),
    maxCost,
    skipBad,
    ...(promptColumn === undefined ? {} : { promptColumn }),
    ...(holdout === undefined ? {} : { holdout }),
  })
  process.stdout.write(flags.json ? toPrettyJson(documentOf(run, data, maxCost)) : tableOf(run, maxCost))
  for (const note of [...run.opened.notes, ...run.notes]) process.stderr.write(`${note}\n`)
  if (run.skipped > 0) process.stderr.write(`${run.skipped} bad rows left out (--skip-bad).\n`)
  if (run.seen > 0) {
    process.stderr.write(
      `${run.seen} of ${run.rows} prompts were seen in training: on new prompts predictions are less extreme, so cost and quality differ. Calibrate on others.\n`,
    )
  }
  if (!flags.save) return
  const { strategyId, checkpoint } = run.opened
  const isShipped = checkpoint?.file === shippedCheckpoint(strategyId)
  const file = await saveLambda(
    {
      lambda: run.calibrated.lambda,
      strategy: strategyId,
      ...(checkpoint ? { checkpoint: { file: checkpoint.file, sha256: checkpoint.sha256, isShipped } } : {}),
    },
    asked.config.file ?? flags.config,
  )
  process.stderr.write(`Saved ${file}\n`)
}

function documentOf(
  { calibrated, opened, models, rows, seen, skipped, costs }: LambdaRun,
  data: string,
  maxCost: number,
) {
  const { strategyId, checkpoint } = opened
  return {
    version: 1,
    policy: 'best_value',
    strategy: strategyId,
    checkpoint: checkpoint ? { file: checkpoint.file, sha256: checkpoint.sha256 } : null,
    models,
    data,
    rows,
    seen,
    skipped,
    costs,
    targets: [{ kind: 'max_cost', value: maxCost, ...calibrated }],
  }
}

function tableOf({ calibrated, models, costs }: LambdaRun, maxCost: number): string {
  const { holdout } = calibrated
  const sides: [string, ValueSpending][] = [
    ['calibrated', calibrated],
    ...(holdout ? [['held out', holdout] as [string, ValueSpending]] : []),
  ]
  const line = (name: string, cell: (side: ValueSpending) => string) => [name, ...sides.map(([, side]) => cell(side))]
  const rows = [
    [`at most ${dollars(maxCost)} per 1,000`, ...sides.map(([name]) => name)],
    ['lambda', String(calibrated.lambda), ...(holdout ? [''] : [])],
    line(`$/1k, ${costs}`, ({ costPer1000 }) => dollars(costPer1000)),
    line('95% interval', ({ costPer1000Low, costPer1000High }) => span(dollars, costPer1000Low, costPer1000High)),
    ...(calibrated.quality === null ? [] : [line('quality', ({ quality }) => fixed(quality))]),
    ...models.map(model => line(model, ({ shares }) => percent(shares[model] ?? 0))),
  ]
  return renderTable(rows, { header: true, right: [1, 2] })
}
