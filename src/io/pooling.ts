import type { Outcomes } from '../types.ts'
import type { OutcomesForm } from './outcome_columns.ts'

/** One outcome file, read. `strong` and `weak` are indexes into its own `models`. */
export interface OutcomeFile
  extends Pick<Outcomes, 'prompts' | 'ids' | 'categories' | 'models' | 'scores' | 'costs' | 'winRates'> {
  readonly form: OutcomesForm
  readonly name: string
  readonly sha256: string
  readonly strong: number
  readonly weak: number
  readonly skipped: number
}

/** Files end to end: models united by id, NaN where a file does not have a model, a cost or a win rate. */
export function poolFiles(files: readonly OutcomeFile[]): Outcomes {
  const models = [...new Set(files.flatMap(file => file.models))]
  const rows = files.reduce((sum, { prompts }) => sum + prompts.length, 0)
  const unmeasured = () => new Float64Array(rows * models.length).fill(Number.NaN)
  const scores = unmeasured()
  const costs = files.some(file => file.costs) ? unmeasured() : undefined
  const source = new Uint16Array(rows)
  const [strong, weak] = [new Float64Array(rows), new Float64Array(rows)]
  const winRates = new Map<string, Float64Array>()
  let first = 0
  for (const [s, file] of files.entries()) {
    const width = file.models.length
    const target = file.models.map(model => models.indexOf(model))
    for (let row = 0; row < file.prompts.length; row++) {
      for (let m = 0; m < width; m++) {
        const to = (first + row) * models.length + target[m]!
        scores[to] = file.scores[row * width + m]!
        if (costs && file.costs) costs[to] = file.costs[row * width + m]!
      }
      strong[first + row] = file.scores[row * width + file.strong]!
      weak[first + row] = file.scores[row * width + file.weak]!
    }
    source.fill(s, first, first + file.prompts.length)
    for (const [name, values] of file.winRates) {
      if (!winRates.has(name)) winRates.set(name, new Float64Array(rows).fill(Number.NaN))
      winRates.get(name)!.set(values, first)
    }
    first += file.prompts.length
  }
  return {
    prompts: files.flatMap(({ prompts }) => prompts),
    ids: files.flatMap(({ ids }) => ids),
    categories: files.flatMap(({ categories }) => categories),
    strong,
    weak,
    source,
    sources: files.map(file => ({
      name: file.name,
      sha256: file.sha256,
      strong: models.indexOf(file.models[file.strong]!),
      weak: models.indexOf(file.models[file.weak]!),
    })),
    models,
    scores,
    ...(costs ? { costs } : {}),
    winRates,
  }
}
