import type { Measurement } from '../../evaluation/benchmark.ts'
import { defaultStrategy } from '../../io/catalog.ts'
import { quoted } from '../../io/formats.ts'
import type { EvalReport, EvalStage } from '../eval_run.ts'
import { categoryName, verdicts, winnersOf } from './eval_report.ts'
import { isBaseline } from './eval_table.ts'
import { fixed } from './numbers.ts'
import type { PlotSeries } from './svg.ts'

const FIGURES = [
  'rows',
  'apgr',
  'apgrLow',
  'apgrHigh',
  'cpt20',
  'cpt50',
  'cpt80',
  'quality50',
  'costPer1000',
  'beatsLength',
  'minusLength',
  'minusLengthLow',
  'minusLengthHigh',
  'beatsSingleModel',
  'beatsRandom',
] as const satisfies readonly (keyof Measurement)[]

/** The document that `--json` prints. With several train sizes `strategies` are those of the largest. */
export function evalDocument({ file, plan, options, resamples, stages, notes }: EvalReport) {
  const last = stages.at(-1)!
  return {
    version: 1,
    file,
    form: plan.form,
    rows: plan.rows,
    seen: plan.seen,
    skipped: plan.skipped,
    default: defaultStrategy,
    seed: options.seed,
    resamples,
    folds: options.folds ?? null,
    trainSize: last.trainSize ?? null,
    draws: last.trainSize === undefined && options.folds === undefined ? null : options.draws,
    pair: plan.pair,
    quality: last.quality,
    strategies: last.strategies,
    beats: winnersOf(last.strategies),
    notes: [...verdicts(last), ...notes],
    ...(last.byCategory ? { by: last.byCategory } : {}),
    ...(options.trainSizes.length > 0
      ? { learningCurve: stages.map(({ trainSize, quality, strategies }) => ({ trainSize, quality, strategies })) }
      : {}),
  }
}

/** One line a strategy, train size and category, with a header; empty cells where nothing is defined, and for the total. */
export function evalCsv(stages: readonly Omit<EvalStage, 'scored'>[]): string {
  const lines = stages.flatMap(({ trainSize, strategies, byCategory = [] }) => [
    ...strategies.map(measured => csvLine(trainSize, '', measured)),
    ...byCategory.flatMap(({ category, strategies: cut }) =>
      cut.map(measured => csvLine(trainSize, categoryName(category), measured)),
    ),
  ])
  return `${[['id', 'trainSize', 'category', ...FIGURES].join(','), ...lines].join('\n')}\n`
}

/** The lines of the plot: strategies by APGR with a band for the best, then the baselines that have a curve. */
export function plotSeries(strategies: readonly Measurement[]): PlotSeries[] {
  const drawn = strategies.filter(({ curve }) => curve.length > 1)
  const byApgr = drawn.filter(({ id }) => !isBaseline(id)).sort((a, b) => (b.apgr ?? 0) - (a.apgr ?? 0))
  return [...byApgr, ...drawn.filter(({ id }) => isBaseline(id))].map(({ id, curve, apgr, apgrLow, apgrHigh }, s) => ({
    label: id,
    note: apgr === null ? 'APGR undefined' : `APGR ${fixed(apgr)} (${fixed(apgrLow)} to ${fixed(apgrHigh)})`,
    isBaseline: isBaseline(id),
    points: curve.map(({ strongShare, quality }) => ({ x: strongShare, y: quality })),
    ...(s === 0 ? { band: curve.map(({ qualityLow, qualityHigh }) => ({ low: qualityLow, high: qualityHigh })) } : {}),
  }))
}

function csvLine(trainSize: number | undefined, category: string, measured: Measurement): string {
  const cells = [measured.id, trainSize ?? '', category, ...FIGURES.map(figure => measured[figure] ?? '')]
  return cells.map(cell => quoted(String(cell), ',')).join(',')
}
