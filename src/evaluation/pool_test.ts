import { mean } from '../math/mean.ts'
import type { Decision, Outcomes } from '../types.ts'

/** What every model of a pool earned and cost on the tested prompts. All arrays row-major rows × models. */
export interface PoolTest {
  readonly models: readonly string[]
  readonly rows: number
  /** 0..1, none NaN. */
  readonly scores: Float64Array
  /** US dollars, none NaN: where one is not known it is the model's mean. Absent where a model has none. */
  readonly costs?: Float64Array
}

/** The rows on which every one of `models` was measured. Ascending. */
export function rowsOfAll({ scores, models: all }: Outcomes, models: readonly string[]): Int32Array {
  const columns = models.map(id => all.indexOf(id))
  const rows = Int32Array.from({ length: scores.length / all.length }, (_, row) => row)
  return rows.filter(row => columns.every(m => !Number.isNaN(scores[row * all.length + m]!)))
}

/** Scores and costs of some rows, which every one of `models` has to be measured on. */
export function poolTestOf(outcomes: Outcomes, rows: Int32Array, models: readonly string[]): PoolTest {
  const columns = models.map(id => outcomes.models.indexOf(id))
  const table = (values: Float64Array) => {
    const picked = new Float64Array(rows.length * models.length)
    for (const [k, m] of columns.entries()) {
      const known = Float64Array.from(rows, row => values[row * outcomes.models.length + m]!)
      const average = mean(known.filter(value => !Number.isNaN(value)))
      for (const [i, value] of known.entries()) picked[i * models.length + k] = Number.isNaN(value) ? average : value
    }
    return picked
  }
  const costs = outcomes.costs && table(outcomes.costs)
  const hasCosts = costs !== undefined && !costs.some(Number.isNaN)
  return { models, rows: rows.length, scores: table(outcomes.scores), ...(hasCosts ? { costs } : {}) }
}

/** What came of one decision. */
export interface Earned {
  /** 0..1. */
  readonly score: number
  /** US dollars of all calls; NaN where costs are not known. */
  readonly cost: number
  /** Who was called. */
  readonly called: readonly string[]
}

/**
 * What a decision earns on a row by the file's scores. Of several models all are paid for. Of what only answers could tell, the
 * best is assumed: a judge picks the highest score, an accepted answer is one whose score reaches the threshold, and something
 * joined is as good as its best part; a majority earns the median.
 */
export function earn({ plan, models, merge, accept }: Decision, row: number, test: PoolTest): Earned {
  const places = models.map(id => row * test.models.length + test.models.indexOf(id))
  const scores = places.map(at => test.scores[at]!)
  const costs = places.map(at => test.costs?.[at] ?? Number.NaN)
  if (plan === 'until_accepted') return earnAccepted(models, scores, costs, accept!)
  const used = plan === 'single' ? 1 : models.length
  const called = models.slice(0, used)
  const cost = costs.slice(0, used).reduce((sum, value) => sum + value, 0)
  const found = scores.slice(0, used)
  return { called, cost, score: merge?.by === 'majority' ? median(found) : Math.max(...found) }
}

function earnAccepted(
  models: readonly string[],
  scores: readonly number[],
  costs: readonly number[],
  { threshold, maxCost = Number.POSITIVE_INFINITY }: NonNullable<Decision['accept']>,
): Earned {
  let tries = 1
  let cost = costs[0]!
  while (tries < models.length && scores[tries - 1]! < threshold && !(cost + costs[tries]! > maxCost)) {
    cost += costs[tries++]!
  }
  const called = models.slice(0, tries)
  const last = scores[tries - 1]!
  return { called, cost, score: last >= threshold ? last : Math.max(...scores.slice(0, tries)) }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2
}
