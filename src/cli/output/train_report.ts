import { createBenchmark, type Measurement } from '../../evaluation/benchmark.ts'
import { type MeanMeasurement, meanOverSets } from '../../evaluation/mean_over_sets.ts'
import { measuredRows, pick } from '../../evaluation/outcomes.ts'
import { create as createLength } from '../../strategies/length.ts'
import type { Outcomes } from '../../types.ts'
import { createColors } from './color.ts'
import { renderEvalTable, span } from './eval_table.ts'
import { fixed, grouped, signed } from './numbers.ts'

/** How a strategy did on what it was trained on, by cross-validation. */
export interface TrainingReport {
  readonly files: readonly TrainingFileReport[]
  /** Over the files, each counting alike; `beatsSingleModel`: on one of them. */
  readonly overall: MeanMeasurement & { readonly beatsSingleModel: boolean }
}

/** The same on one of the files. */
export interface TrainingFileReport {
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
): Promise<TrainingReport> {
  const length = await (await createLength()).winRate(outcomes.prompts)
  const measured = measuredRows(outcomes)
  const sets = outcomes.sources.flatMap((file, source) => {
    const rows = measured.filter(row => outcomes.source[row] === source)
    if (rows.length === 0) return []
    const test = { strong: pick(outcomes.strong, rows), weak: pick(outcomes.weak, rows) }
    const rates = { length: [[pick(length, rows)]], own: [[pick(winRates, rows)]] }
    return [
      {
        file,
        source,
        tests: [test],
        rates,
        winRates: new Map([
          ['length', rates.length],
          [id, rates.own],
        ]),
      },
    ]
  })
  const files = sets.map(({ file: { name, strong, weak }, source, tests, rates }) => {
    const benchmark = createBenchmark(tests, rates.length, options)
    const single = [benchmark.single('strong'), benchmark.single('weak')]
    const strategies = [benchmark.length, ...single, benchmark.measure(id, rates.own)]
    const pair = { strong: outcomes.models[strong]!, weak: outcomes.models[weak]! }
    return { source, name, pair, rows: tests[0]!.strong.length, quality: benchmark.quality, strategies }
  })
  const [overall] = meanOverSets(sets, [id], options)
  const beatsSingleModel = files.some(({ strategies }) => strategies.at(-1)!.beatsSingleModel === true)
  return { files, overall: { ...overall!, beatsSingleModel } }
}

/** The report as text: a table a file, and what it says in plain words. */
export function renderTraining(id: string, folds: number, { files, overall }: TrainingReport): string {
  const colors = createColors(process.stdout)
  const parts = files.map(({ name, pair, rows, quality, strategies }) => {
    const head = `${name}: ${grouped(rows)} prompts, ${pair.strong} earns ${fixed(quality.strong)}, ${pair.weak} ${fixed(quality.weak)}; ${folds}-fold cross-validation`
    const lines = strategies.map(measured => ({ id: measured.id, measured }))
    return `${head}\n\n${renderEvalTable(lines, colors, false)}\n${verdict(id, quality, strategies.at(-1)!)}\n`
  })
  if (files.length > 1)
    parts.push(`Over the ${overall.sets} files with a gap, each counting alike:\n${againstLength(id, overall)}\n`)
  return parts.length > 0 ? parts.join('\n') : 'The pair was never measured on one prompt: nothing to report.\n'
}

function verdict(id: string, quality: TrainingFileReport['quality'], measured: Measurement): string {
  const better = quality.strong >= quality.weak ? 'strong' : 'weak'
  const single = measured.beatsSingleModel
    ? `At some share it earns more than ${better} alone, with 95% confidence.`
    : `At no share it earns more than ${better} alone with confidence: what routing saves here is cost.`
  return quality.strong > quality.weak
    ? `${againstLength(id, measured)}\n${single}`
    : `Strong earns no more than weak: there is no gap to recover. Are the two swapped?${measured.beatsSingleModel ? `\n${single}` : ''}`
}

function againstLength(
  id: string,
  { minusLength, minusLengthLow, minusLengthHigh, beatsLength }: Omit<MeanMeasurement, 'sets'>,
): string {
  const length = 'length (longer prompts to strong)'
  const said =
    beatsLength === null
      ? `does not beat ${length} with confidence`
      : `${beatsLength ? 'beats' : 'is worse than'} ${length} with 95% confidence`
  return `${id} ${said}: ${signed(minusLength)} in APGR, 95% interval ${span(signed, minusLengthLow, minusLengthHigh)}.`
}
