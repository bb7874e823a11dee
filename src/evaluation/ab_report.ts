import { mean } from '../math/mean.ts'
import { type Sample, welchDifference } from '../math/welch.ts'
import type { Estimate } from '../types.ts'

/** What one arm of a split brought: quality (0..1) or US dollars, one per request; NaN where not known. */
export interface ArmValues extends Sample {
  readonly model: string
}

/** One arm against the first. */
export interface ArmReport {
  readonly model: string
  /** Requests whose value is known. */
  readonly requests: number
  /** Keys that they came from. */
  readonly keys: number
  /** Over requests; NaN where there is none. */
  readonly mean: number
  /** Mean minus that of the first arm, with its 95 % interval; absent of the first, and where there is too little to tell. */
  readonly difference?: Estimate
  /** As a phrase that follows the model's name. */
  readonly verdict: string
}

/** An arm with fewer keys than this says nothing: their spread is not known well enough for an interval. */
const FEWEST = 20

/**
 * The arms of an A/B split against the first of them, in the order given. Arms are independent samples of keys, so intervals are
 * Welch's; each holds for itself, so of many arms one may seem to differ by chance.
 * @param by what the values are: of quality more is better, of cost less.
 */
export function abReport(arms: readonly ArmValues[], by: 'quality' | 'cost'): ArmReport[] {
  const [first, ...others] = arms.map(known)
  if (!first) return []
  return [
    { ...summary(first), verdict: 'is what the others are compared with.' },
    ...others.map((arm): ArmReport => {
      const report = summary(arm)
      const { keys } = summary(first)
      if (Math.min(report.keys, keys) < FEWEST) {
        const got = `got ${report.keys} and ${keys}`
        return {
          ...report,
          verdict: `has too little to tell: expected ${FEWEST} keys in it and in ${first.model}, ${got}.`,
        }
      }
      const difference = welchDifference(first, arm)
      return { ...report, difference, verdict: verdictOf(difference, first.model, by) }
    }),
  ]
}

function known({ model, values, keys }: ArmValues): ArmValues {
  const rows = Array.from(values, (_, i) => i).filter(i => !Number.isNaN(values[i]!))
  return { model, values: rows.map(i => values[i]!), keys: keys && rows.map(i => keys[i]!) }
}

function summary({ model, values, keys }: ArmValues) {
  return { model, requests: values.length, keys: keys ? new Set(keys).size : values.length, mean: mean(values) }
}

function verdictOf({ value, low, high }: Estimate, first: string, by: 'quality' | 'cost'): string {
  const unit = by === 'cost' ? 'US$ ' : ''
  const interval = `95 % interval ${unit}${short(low)} to ${short(high)}`
  if (low <= 0 && high >= 0)
    return `is not shown to differ from ${first}: ${unit}${short(value)} a request, ${interval}.`
  const more = `${unit}${short(Math.abs(value))} ${value > 0 ? 'more' : 'less'} a request, ${interval}.`
  if (by === 'cost') return `is ${value < 0 ? 'cheaper' : 'dearer'} than ${first}: ${more}`
  return `is ${value > 0 ? 'better' : 'worse'} than ${first}: earns ${more}`
}

/** Three digits that count, without an exponent: costs of a request are small. */
function short(value: number): string {
  const digits = value === 0 ? 0 : Math.min(12, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))))
  return value.toFixed(digits)
}
