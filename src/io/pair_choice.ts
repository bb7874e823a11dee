import { UsageError } from '../errors.ts'
import { unknownName } from '../registry.ts'
import type { OutcomesForm } from './outcome_columns.ts'

/** Scores and costs of one file, row-major rows × models, NaN where not measured. */
export interface Measured {
  readonly models: readonly string[]
  readonly scores: Float64Array
  readonly costs: Float64Array | undefined
  readonly form: OutcomesForm
}

/** Two models by id. */
export interface PairIds {
  readonly strong: string
  readonly weak: string
}

/**
 * The pair of one file, as indexes into its models. A pair file has its own. Elsewhere strong is the named model or else
 * the one of the highest mean score; weak is the named one or else, of the others, the cheapest by mean cost where costs
 * are known, else the one of the lowest mean score. A preferred pair comes before all of this where the file has both.
 * @throws UsageError for a model that the file does not have, or the same one twice.
 */
export function choosePair(
  { models, scores, costs, form }: Measured,
  named: { readonly strong?: string; readonly weak?: string; readonly preferred?: PairIds },
): { readonly strong: number; readonly weak: number } {
  if (form === 'pair') return { strong: 0, weak: 1 }
  const { preferred } = named
  if (preferred && models.includes(preferred.strong) && models.includes(preferred.weak)) {
    return { strong: models.indexOf(preferred.strong), weak: models.indexOf(preferred.weak) }
  }
  const index = (model: string): number => {
    const found = models.indexOf(model)
    if (found < 0) throw unknownName('model', model, models)
    return found
  }
  if (named.strong !== undefined && named.strong === named.weak) {
    throw new UsageError(`strong and weak: expected two models, got "${named.strong}" twice.`)
  }
  const namedWeak = named.weak === undefined ? undefined : index(named.weak)
  const quality = columnMeans(scores, models.length)
  const strong = named.strong === undefined ? best(quality, namedWeak) : index(named.strong)
  if (namedWeak !== undefined) return { strong, weak: namedWeak }
  const cost = costs ? columnMeans(costs, models.length) : []
  const hasCost = cost.some((value, model) => model !== strong && !Number.isNaN(value))
  return { strong, weak: best(hasCost ? cost.map(value => -value) : quality.map(value => -value), strong) }
}

/** The first index of the largest value that is not NaN, leaving out `except`. */
function best(values: readonly number[], except: number | undefined): number {
  let found = -1
  for (const [i, value] of values.entries()) {
    if (i !== except && !Number.isNaN(value) && (found < 0 || value > values[found]!)) found = i
  }
  return found >= 0 ? found : except === 0 ? 1 : 0
}

/** Mean of each column over the rows where it is no NaN; NaN where there are none. */
function columnMeans(values: Float64Array, width: number): number[] {
  const sums = new Float64Array(width)
  const counts = new Float64Array(width)
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i]!)) continue
    sums[i % width]! += values[i]!
    counts[i % width]!++
  }
  return Array.from(sums, (sum, i) => sum / counts[i]!)
}
