import { shareInterval } from '../math/binomial.ts'
import { mean } from '../math/mean.ts'
import { quantile, quantiles } from '../math/quantile.ts'
import { isStrong } from '../policies/threshold.ts'

/** What a threshold is to reach: a share of prompts for strong, a share of strong's quality, or dollars per 1,000 prompts. */
export interface Target {
  readonly kind: 'strong_pct' | 'target_quality' | 'max_cost'
  readonly value: number
}

/** Prompts to calibrate on, one entry each. Outcomes and costs (US dollars for the prompt) where the target needs them. */
export interface CalibrationRows {
  readonly winRates: Float64Array
  readonly scores?: { readonly strong: Float64Array; readonly weak: Float64Array }
  readonly costs?: { readonly strong: Float64Array; readonly weak: Float64Array }
}

/** What a threshold does to some prompts. Shares are fractions; null where outcomes or costs are not known. */
export interface Spending {
  readonly strongShare: number
  /** 95 % bootstrap interval of the share; null where it is read off stored quantiles. */
  readonly strongShareLow: number | null
  readonly strongShareHigh: number | null
  /** Fraction of the prompts that share the threshold as their win rate, where several do: all of them go to strong or none. */
  readonly tiedShare: number
  readonly quality: number | null
  readonly costPer1000: number | null
}

/**
 * The threshold that sends `strongShare` (0..1) of prompts like these to strong: quantile(winRates, 1 − strongShare), linear.
 * At the ends it means what it says for any prompt: 0 gives Infinity (all weak), 1 gives 0 (all strong).
 * @param sorted win rates, or their quantiles at equal steps, ascending
 */
export function thresholdForShare(sorted: Float64Array, strongShare: number): number {
  if (strongShare <= 0) return Number.POSITIVE_INFINITY
  return strongShare >= 1 ? 0 : quantile(sorted, 1 - strongShare)
}

/**
 * The threshold for a target: for a share as `thresholdForShare`; for quality the fewest prompts to strong that earn
 * `value` times what strong alone earns; for cost the most prompts to strong that stay within `value`.
 * @returns undefined where no threshold reaches the target.
 */
export function thresholdFor({ kind, value }: Target, rows: CalibrationRows): number | undefined {
  if (kind === 'strong_pct') return thresholdForShare(rows.winRates.toSorted(), value)
  const isQuality = kind === 'target_quality'
  const { strong, weak } = isQuality ? rows.scores! : rows.costs!
  const goal = isQuality ? value * mean(strong) - ROUNDING : value / 1000 + ROUNDING
  const reached = totalsByThreshold(rows.winRates, strong, weak).filter(({ total }) =>
    isQuality ? total >= goal : total <= goal,
  )
  return (isQuality ? reached[0] : reached.at(-1))?.threshold
}

/** What the threshold does to these prompts, with the 95 % bootstrap interval of the share. */
export function spendingAt(threshold: number, { winRates, scores, costs }: CalibrationRows): Spending {
  const goesStrong = Array.from(winRates, winRate => isStrong(winRate, threshold))
  const strong = goesStrong.filter(Boolean).length
  const tied = winRates.reduce((count, winRate) => count + Number(winRate === threshold), 0)
  const { low, high } = shareInterval(strong, winRates.length)
  const meanOf = (values: { strong: Float64Array; weak: Float64Array }) =>
    mean(goesStrong.map((isSent, row) => (isSent ? values.strong[row]! : values.weak[row]!)))
  return {
    strongShare: strong / winRates.length,
    strongShareLow: low,
    strongShareHigh: high,
    tiedShare: tied > 1 ? tied / winRates.length : 0,
    quality: scores ? meanOf(scores) : null,
    costPer1000: costs ? 1000 * meanOf(costs) : null,
  }
}

/** The same by the quantiles that a checkpoint keeps: the inverse of `thresholdForShare`. */
export function storedSpendingAt(threshold: number, stored: Float64Array): Spending {
  const steps = stored.length - 1
  const first = stored.findIndex(winRate => isStrong(winRate, threshold))
  const tied = stored.filter(winRate => winRate === threshold).length
  const position = (index: number) => {
    const [below, above] = [stored[index - 1]!, stored[index]!]
    return index - (above - threshold) / (above - below)
  }
  return {
    strongShare: first < 0 ? 0 : first === 0 ? 1 : 1 - position(first) / steps,
    strongShareLow: null,
    strongShareHigh: null,
    tiedShare: tied > 1 ? tied / stored.length : 0,
    quality: null,
    costPer1000: null,
  }
}

/** The win rates' quantiles at `steps` equal steps: what a checkpoint keeps of them. */
export function storedQuantiles(winRates: Float64Array, steps = 1000): Float64Array {
  return quantiles(
    winRates,
    Array.from({ length: steps + 1 }, (_, k) => k / steps),
  )
}

/** Sums of thousands of scores differ in the last bits by the order of adding. */
const ROUNDING = 1e-12

/** The mean of the chosen values at every threshold that makes a difference, from none to strong upwards. */
function totalsByThreshold(
  winRates: Float64Array,
  strong: Float64Array,
  weak: Float64Array,
): { threshold: number; total: number }[] {
  const order = Int32Array.from(winRates.keys()).sort((a, b) => winRates[b]! - winRates[a]!)
  const totals = [{ threshold: Number.POSITIVE_INFINITY, total: mean(weak) }]
  let sum = mean(weak)
  for (const [rank, row] of order.entries()) {
    sum += (strong[row]! - weak[row]!) / order.length
    const next = order[rank + 1]
    if (next === undefined || winRates[next] !== winRates[row]) totals.push({ threshold: winRates[row]!, total: sum })
  }
  return totals
}
