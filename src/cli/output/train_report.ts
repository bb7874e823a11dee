import { createBenchmark, type Measurement } from '../../evaluation/benchmark.ts'
import { measuredRows, pick } from '../../evaluation/outcomes.ts'
import { create as createLength } from '../../strategies/length.ts'
import type { Outcomes } from '../../types.ts'
import { createColors } from './color.ts'
import { renderEvalTable } from './eval_table.ts'
import { fixed, grouped } from './numbers.ts'

/** How a strategy did on one of the files it was trained on, by cross-validation. */
export interface TrainingReport {
  /** The place of the file among those trained on. */
  readonly source: number
  readonly name: string
  readonly pair: { readonly strong: string; readonly weak: string }
  readonly rows: number
  readonly quality: { readonly strong: number; readonly weak: number }
  /** `length`, `strong`, `weak` and the strategy, in this order. */
  readonly strategies: readonly Measurement[]
}

/** Measures out-of-fold win rates file by file; a file on whose rows the pair was never measured together is left out. */
export async function measureTraining(
  id: string,
  outcomes: Outcomes,
  winRates: Float64Array,
  options: { readonly resamples: number; readonly seed: number },
): Promise<TrainingReport[]> {
  const length = await (await createLength()).winRate(outcomes.prompts)
  const measured = measuredRows(outcomes)
  return outcomes.sources.flatMap(({ name, strong, weak }, source) => {
    const rows = measured.filter(row => outcomes.source[row] === source)
    if (rows.length === 0) return []
    const test = { strong: pick(outcomes.strong, rows), weak: pick(outcomes.weak, rows) }
    const benchmark = createBenchmark([test], [[pick(length, rows)]], options)
    const single = [benchmark.single('strong'), benchmark.single('weak')]
    const strategies = [benchmark.length, ...single, benchmark.measure(id, [[pick(winRates, rows)]])]
    const pair = { strong: outcomes.models[strong]!, weak: outcomes.models[weak]! }
    return [{ source, name, pair, rows: rows.length, quality: benchmark.quality, strategies }]
  })
}

/** The report as text: a table a file, and what it says in plain words. */
export function renderTraining(id: string, folds: number, reports: readonly TrainingReport[]): string {
  const colors = createColors(process.stdout)
  const parts = reports.map(({ name, pair, rows, quality, strategies }) => {
    const head = `${name}: ${grouped(rows)} prompts, ${pair.strong} earns ${fixed(quality.strong)}, ${pair.weak} ${fixed(quality.weak)}; ${folds}-fold cross-validation`
    const lines = strategies.map(measured => ({ id: measured.id, measured }))
    return `${head}\n\n${renderEvalTable(lines, colors, false)}\n${verdict(id, quality, strategies.at(-1)!)}\n`
  })
  return parts.length > 0 ? parts.join('\n') : 'The pair was never measured on one prompt: nothing to report.\n'
}

function verdict(
  id: string,
  quality: TrainingReport['quality'],
  { beatsLength, beatsSingleModel }: Measurement,
): string {
  if (quality.strong <= quality.weak)
    return 'Strong earns no more than weak: there is no gap to recover. Are the two swapped?'
  const length =
    beatsLength === null
      ? `Whether ${id} beats length (longer prompts to strong) is not settled by these rows.`
      : `${id} ${beatsLength ? 'beats' : 'is worse than'} length (longer prompts to strong) with 95% confidence.`
  return beatsSingleModel ? `${length}\nAt some share it earns more than strong alone, with 95% confidence.` : length
}
