import type { Outcomes } from '../types.ts'

/** The outcomes of some rows, in the order given. Models and sources stay, whether or not they are still used. */
export function selectRows(outcomes: Outcomes, rows: Int32Array): Outcomes {
  const width = outcomes.models.length
  const { costs } = outcomes
  return {
    ...outcomes,
    prompts: Array.from(rows, row => outcomes.prompts[row]!),
    ids: Array.from(rows, row => outcomes.ids[row]!),
    categories: Array.from(rows, row => outcomes.categories[row]!),
    strong: pick(outcomes.strong, rows),
    weak: pick(outcomes.weak, rows),
    source: Uint16Array.from(rows, row => outcomes.source[row]!),
    scores: pickRows(outcomes.scores, rows, width),
    ...(costs ? { costs: pickRows(costs, rows, width) } : {}),
    winRates: new Map(Array.from(outcomes.winRates, ([name, values]) => [name, pick(values, rows)])),
  }
}

/** The rows on which both sides of the pair were measured: those that can be evaluated. Ascending. */
export function measuredRows({ strong, weak }: Outcomes): Int32Array {
  return Int32Array.from(strong.keys()).filter(row => !Number.isNaN(strong[row]!) && !Number.isNaN(weak[row]!))
}

/** `values[row]` for each of `rows`. */
export function pick(values: Float64Array, rows: Int32Array): Float64Array {
  return Float64Array.from(rows, row => values[row]!)
}

function pickRows(values: Float64Array, rows: Int32Array, width: number): Float64Array {
  const picked = new Float64Array(rows.length * width)
  for (const [i, row] of rows.entries()) picked.set(values.subarray(row * width, (row + 1) * width), i * width)
  return picked
}
