import { UsageError } from '../errors.ts'
import { hashPrompts, seenBy, unseenRows } from '../evaluation/contamination.ts'
import { resampledMeans } from '../evaluation/resampled_means.ts'
import { interval } from '../math/bootstrap.ts'
import { mean } from '../math/mean.ts'
import { shuffledIndexes } from '../math/random.ts'
import { create } from '../policies/best_value.ts'
import { leastLambda } from '../routing/lambda_search.ts'
import { createPoolRouter, requireDecision } from '../routing/pool_router.ts'
import type { Strategy } from '../types.ts'
import { type OpenedStrategy, openStrategy } from './open_strategy.ts'
import type { Asked } from './router_options.ts'
import { readValueData, type ValueData, type ValueDataOptions } from './value_data.ts'

/** What a λ does to some prompts. Costs in US dollars per 1,000 prompts, with a 95 % bootstrap interval. */
export interface ValueSpending {
  readonly costPer1000: number
  readonly costPer1000Low: number | null
  readonly costPer1000High: number | null
  /** Mean score; null where the data has none. */
  readonly quality: number | null
  /** Of the prompts, by model. */
  readonly shares: Readonly<Record<string, number>>
}

/** A λ, and what it does to the prompts it was found on and to those held out. */
export interface CalibratedLambda extends ValueSpending {
  readonly lambda: number
  readonly holdout: ValueSpending | null
}

/** What was found, on what. */
export interface LambdaRun extends Pick<ValueData, 'costs' | 'skipped' | 'notes'> {
  readonly calibrated: CalibratedLambda
  readonly opened: OpenedStrategy
  readonly models: readonly string[]
  readonly rows: number
  /** Rows whose prompt the weights have seen. */
  readonly seen: number
}

/** What is calibrated on, and to what. */
export interface LambdaOptions extends ValueDataOptions {
  /** US dollars per 1,000 prompts. */
  readonly maxCost: number
  /** Share of the rows that are held out, 0..1. */
  readonly holdout?: number
}

const RESAMPLES = 1000

/**
 * Finds the least λ of best_value, so the best quality, that keeps within dollars per 1,000 prompts like these.
 * @throws UsageError where no λ does, or qualities or costs are not known; DataError.
 */
export async function calibrateLambda(asked: Asked, options: LambdaOptions): Promise<LambdaRun> {
  const { file, maxCost, holdout } = options
  const data = await readValueData(asked, options)
  const { pool, requests, test } = data
  const prompts = requests.map(({ prompt }) => prompt)
  const opened = await openStrategy(asked)
  const ready = { ...opened, strategy: remembering(opened.strategy), threshold: 0 }
  const choices = async (lambda: number): Promise<Int32Array> => {
    const policy = await create({ options: { ...blockOf(asked), lambda }, strategy: async () => ready })
    const decisions = await createPoolRouter(policy, pool).decide(requests)
    return Int32Array.from(decisions, decision => test.models.indexOf(requireDecision(decision).model))
  }
  const { used, held } = split(requests.length, holdout, asked.seed)
  const take = (values: Float64Array, chosen: Int32Array, rows: Int32Array) =>
    Float64Array.from(rows, row => values[row * test.models.length + chosen[row]!]!)
  const lambda = await leastLambda(async tried => 1000 * mean(take(test.costs, await choices(tried), used)), maxCost)
  const chosen = await choices(lambda ?? Number.MAX_SAFE_INTEGER)
  const spending = (rows: Int32Array): ValueSpending => {
    const costs = take(test.costs, chosen, rows)
    const { low, high } = interval(resampledMeans([costs], { resamples: RESAMPLES, seed: asked.seed })[0]!)
    const counts = test.models.map((_, m) => rows.filter(row => chosen[row] === m).length)
    return {
      costPer1000: 1000 * mean(costs),
      costPer1000Low: low === null ? null : 1000 * low,
      costPer1000High: high === null ? null : 1000 * high,
      quality: data.hasScores ? mean(take(test.scores, chosen, rows)) : null,
      shares: Object.fromEntries(test.models.map((model, m) => [model, counts[m]! / rows.length])),
    }
  }
  if (lambda === undefined) {
    throw new UsageError(
      `--max-cost: expected at least $${spending(used).costPer1000.toPrecision(3)} per 1,000 prompts, which the cheapest choices cost in ${file}, got $${maxCost}.`,
    )
  }
  const seen = opened.checkpoint ? [seenBy(opened.checkpoint)] : []
  return {
    calibrated: { lambda, ...spending(used), holdout: held ? spending(held) : null },
    opened,
    models: test.models,
    rows: requests.length,
    seen: prompts.length - unseenRows(hashPrompts(prompts), seen).length,
    costs: data.costs,
    skipped: data.skipped,
    notes: data.notes,
  }
}

/** What was asked of the policy besides λ. */
function blockOf({ layers: [{ policyOptions }], config }: Asked): object {
  return { ...(config.policyOptions?.best_value as object | undefined), ...(policyOptions as object | undefined) }
}

/** Asks a strategy once about the same prompts. */
function remembering(strategy: Strategy): Strategy {
  const remember = <A extends readonly unknown[]>(ask: (...asked: A) => Promise<Float64Array>) => {
    const known = new Map<string, Promise<Float64Array>>()
    return (...asked: A) => {
      const key = JSON.stringify(asked)
      const answer = known.get(key) ?? ask(...asked)
      known.set(key, answer)
      return answer
    }
  }
  return {
    ...strategy,
    winRate: remember(prompts => strategy.winRate(prompts)),
    ...(strategy.quality
      ? {
          quality: remember((prompts: readonly string[], models: readonly string[]) =>
            strategy.quality!(prompts, models),
          ),
        }
      : {}),
  }
}

function split(rows: number, holdout: number | undefined, seed: number): { used: Int32Array; held?: Int32Array } {
  const order = shuffledIndexes(rows, seed)
  if (holdout === undefined) return { used: order }
  const cut = Math.round(rows * holdout)
  if (cut > 0 && cut < rows) return { used: order.subarray(cut), held: order.subarray(0, cut) }
  throw new UsageError(`--holdout: expected rows on both sides, got ${cut} of ${rows} held out.`)
}
