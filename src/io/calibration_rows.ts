import { DataError, UsageError } from '../errors.ts'
import { measuredRows, pick, selectRows } from '../evaluation/outcomes.ts'
import { withEstimatedCosts } from '../evaluation/pricing.ts'
import type { CalibrationRows, Target } from '../routing/calibration.ts'
import type { Model, Outcomes, Strategy } from '../types.ts'
import { readOutcomes } from './outcomes.ts'
import { openRequests, PROMPT_COLUMN } from './requests.ts'
import { promptsOf } from './segment_prompts.ts'

/** What is to be calibrated on, and for what. */
export interface CalibrationRequest {
  readonly file: string
  readonly strategy: Strategy
  readonly targets: readonly Target[]
  readonly promptColumn?: string
  /** Names that have to be among the models of a file of many. */
  readonly strong?: string
  readonly weak?: string
  /** The pair that is routed between, taken where the file has it. */
  readonly preferred: { readonly strong: string; readonly weak: string }
  readonly skipBad?: boolean
  /** Models with prices, for files that hold no costs. */
  readonly models: readonly Model[]
  /** Called with each portion of prompts as it is read, and how many rows beside them were left out. */
  readonly onPrompts?: (prompts: readonly string[], skipped: number) => void
}

/**
 * Win rates of a file's prompts, with scores and costs where a target asks for them. Without such a target any file of
 * requests will do, and prompts are read portion by portion: of each only its win rate is kept. `pair` is whose outcomes
 * they are, else the one that is routed between.
 * @throws DataError where the file cannot be used or lacks what a target needs.
 */
export async function readCalibrationRows(
  request: CalibrationRequest,
): Promise<{ rows: CalibrationRows; pair: { readonly strong: string; readonly weak: string } }> {
  const { file, targets, strategy, onPrompts } = request
  if (targets.every(({ kind }) => kind === 'strong_pct')) {
    return { rows: { winRates: await readWinRates(request) }, pair: request.preferred }
  }
  const { promptColumn, strong, weak, preferred, skipBad, models } = request
  const { outcomes, skipped } = await readOutcomes([file], {
    preferred,
    ...(skipBad ? { skipBad } : {}),
    ...(promptColumn === undefined ? {} : { promptColumn }),
    ...(strong === undefined ? {} : { strong }),
    ...(weak === undefined ? {} : { weak }),
  })
  const rows = selectRows(outcomes, measuredRows(outcomes))
  if (rows.prompts.length === 0)
    throw new DataError(file, undefined, 'expected rows with scores of both models, got none.')
  const costs = pairCosts(withEstimatedCosts(rows, models))
  if (!costs && targets.some(({ kind }) => kind === 'max_cost')) {
    throw new UsageError(
      `--max-cost: expected costs for every row of ${file}, got none. Add cost:<model> columns, or prices of both models in llmroute.yaml.`,
    )
  }
  onPrompts?.(rows.prompts, skipped)
  const scores = { strong: rows.strong, weak: rows.weak }
  const [source] = rows.sources
  return {
    rows: { winRates: await strategy.winRate(rows.prompts), scores, ...(costs ? { costs } : {}) },
    pair: { strong: rows.models[source!.strong]!, weak: rows.models[source!.weak]! },
  }
}

/** Some rows of them, in the order given. */
export function selectCalibrationRows({ winRates, scores, costs }: CalibrationRows, rows: Int32Array): CalibrationRows {
  const both = (pair: { strong: Float64Array; weak: Float64Array }) => ({
    strong: pick(pair.strong, rows),
    weak: pick(pair.weak, rows),
  })
  return {
    winRates: pick(winRates, rows),
    ...(scores ? { scores: both(scores) } : {}),
    ...(costs ? { costs: both(costs) } : {}),
  }
}

async function readWinRates({
  file,
  strategy,
  promptColumn,
  skipBad,
  onPrompts,
}: CalibrationRequest): Promise<Float64Array> {
  const requests = await openRequests(file, promptColumn === undefined ? {} : { promptColumn })
  const parts: Float64Array[] = []
  for await (const segment of requests.segments()) {
    const { prompts, rejects } = promptsOf(segment, requests.format, promptColumn ?? PROMPT_COLUMN)
    if (rejects[0] && !skipBad) {
      throw new DataError(
        file,
        rejects[0].line,
        `${rejects[0].reason}. Mend the row, or leave bad rows out with --skip-bad.`,
      )
    }
    onPrompts?.(prompts, rejects.length)
    parts.push(await strategy.winRate(prompts))
  }
  const winRates = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0))
  let end = 0
  for (const part of parts) {
    winRates.set(part, end)
    end += part.length
  }
  return winRates
}

/** What each prompt costs on either side of the pair; undefined where it is not known for every row. */
function pairCosts({ costs, sources, models, prompts }: Outcomes): CalibrationRows['costs'] | undefined {
  if (!costs) return undefined
  const { strong, weak } = sources[0]!
  const of = (model: number) => Float64Array.from(prompts, (_, row) => costs[row * models.length + model]!)
  const pair = { strong: of(strong), weak: of(weak) }
  return pair.strong.some(Number.isNaN) || pair.weak.some(Number.isNaN) ? undefined : pair
}
