import type { ChalkInstance } from 'chalk'
import type { Measurement } from '../../evaluation/benchmark.ts'
import type { EvalReport, EvalStage } from '../eval_run.ts'
import { renderChart } from './chart.ts'
import { hasCurve, isBaseline, renderEvalTable } from './eval_table.ts'
import { fixed, grouped, signed } from './numbers.ts'
import { renderTable } from './table.ts'

/** What stands above the table: file, pair, how it was trained and tested. */
export function renderHead(
  { file, plan, method }: Pick<EvalReport, 'file' | 'plan' | 'method'>,
  stage: number,
): string {
  const { pair, rows, form, skipped, seen, stages } = plan
  const { draws, trainSize } = stages[stage]!
  const tested = Math.round(draws.reduce((sum, draw) => sum + draw.rows.length, 0) / draws.length)
  const lines = [
    `${file}: ${grouped(rows)} prompts (${form} form)${pairNames(pair)}`,
    `${method(trainSize)}; ${grouped(tested)} prompts tested`,
  ]
  if (skipped > 0) lines.push(`${grouped(skipped)} bad rows left out (--skip-bad)`)
  if (seen > 0) {
    const what =
      tested < rows ? 'left out of every line (--allow-seen keeps them)' : 'tested all the same: figures flatter'
    lines.push(`${grouped(seen)} prompts were seen in training: ${what}`)
  }
  return `${lines.join('\n')}\n\n`
}

/** `, strong gpt-4o, weak gpt-4o-mini`; nothing where the file does not name its pair. */
export function pairNames({ strong, weak }: EvalReport['plan']['pair']): string {
  return strong === 'strong' && weak === 'weak' ? '' : `, strong ${strong}, weak ${weak}`
}

/** Head, table and verdicts of each stage, then the curve of the last. `width`: characters of a line of the terminal. */
export function renderReport(report: EvalReport, colors: ChalkInstance, width?: number): string {
  const last = report.stages.at(-1)!
  return [
    ...report.stages.map((stage, index) => renderStage(report, stage, index, colors, width)),
    ...(report.stages.length > 1 ? [renderLearning(report.stages, colors), '\n'] : []),
    colors.dim(hasCosts(last) ? KEY + COST_KEY : KEY),
    '\n',
    renderChart(chartSeries(last.strategies), 'quality', colors),
    ...(last.byCategory ? ['\n', renderCategories(last, colors)] : []),
  ].join('')
}

const KEY = `APGR: average share of the gap from weak to strong recovered; random gives 0.5.
CPTn: share of prompts to strong that recovers n % of the gap.
quality: mean score with half the prompts to strong.
`
const COST_KEY = '$/1k: dollars per 1,000 prompts at CPT50; of a single model its own.\n'

function renderStage(
  report: EvalReport,
  stage: EvalStage,
  index: number,
  colors: ChalkInstance,
  width: number | undefined,
): string {
  const lines = stage.strategies.map(measured => ({ id: measured.id, measured }))
  const said = [...verdicts(stage), ...nextStep(report, stage), ...report.notes].map(note => `${note}\n`)
  const parts = [renderEvalTable(lines, colors, hasCosts(stage), width), said.join('')].filter(part => part !== '')
  return `${renderHead(report, index)}${parts.join('\n')}\n`
}

/** Weights that were trained elsewhere may be worth nothing here; ones trained here may. */
function nextStep({ file, options }: EvalReport, { strategies, trainSize }: EvalStage): string[] {
  const isTrained = options.folds !== undefined || options.trainOn.length > 0 || trainSize !== undefined
  const hasWinner = strategies.some(({ id, beatsLength }) => !isBaseline(id) && beatsLength)
  if (isTrained || hasWinner) return []
  return [`What training on such outcomes is worth: llmroute eval ${file} --cv 5.`]
}

function hasCosts({ strategies }: EvalStage): boolean {
  return strategies.some(({ costPer1000 }) => costPer1000 !== null)
}

/** Below this many tested prompts chance decides more than strategies do. */
const FEW = 100

/** What the table says about the strategies, baselines aside, in plain words. */
export function verdicts({ strategies, quality }: Pick<EvalStage, 'strategies' | 'quality'>): string[] {
  const candidates = strategies.filter(({ id }) => !isBaseline(id))
  const said: string[] = []
  const { rows } = strategies[0]!
  if (rows < FEW) said.push(`${rows} ${rows === 1 ? 'prompt' : 'prompts'}: too few to conclude much.`)
  if (quality.strong <= quality.weak) {
    said.push(
      `strong earns ${fixed(quality.strong)} and weak ${fixed(quality.weak)}: there is no gap to recover, so APGR and CPT are undefined.`,
    )
  } else if (quality.gapLow <= 0) {
    said.push(
      `The gap between strong and weak may be none (95% interval ${signed(quality.gapLow)} to ${signed(quality.gapHigh)}), so APGR says little.`,
    )
  }
  if (candidates.length === 0) return said
  const beats = winnersOf(strategies)
  const hasGap = quality.strong > quality.weak
  if (hasGap) {
    said.push(
      beats.length.length > 0
        ? `Beat length with 95% confidence: ${beats.length.join(', ')}.`
        : 'No strategy beats length (longer prompts to strong) with confidence.',
    )
  }
  const better = hasGap ? 'strong' : 'weak'
  said.push(
    beats.singleModel.length > 0
      ? `At some share earn more than ${better} alone, with 95% confidence: ${beats.singleModel.join(', ')}.`
      : quality.strong < quality.weak
        ? 'weak earns more than strong, so that strong is worth nothing here. Are the two swapped (columns, or --strong and --weak)?'
        : `No strategy earns more than ${better} alone with confidence: what routing saves here is cost.`,
  )
  if (hasGap && beats.random.length === 0) said.push('No strategy is above random with confidence.')
  const worse = candidates.filter(measured => measured.beatsLength === false)
  if (worse.length > 0) said.push(`Worse than length with 95% confidence: ${worse.map(({ id }) => id).join(', ')}.`)
  return said
}

/** Ids of the strategies, baselines aside, that are shown with 95 % confidence to be better than something. */
export function winnersOf(strategies: readonly Measurement[]) {
  const idsWhere = (isBetter: (measured: Measurement) => boolean | null) =>
    strategies.filter(measured => !isBaseline(measured.id) && isBetter(measured)).map(({ id }) => id)
  return {
    random: idsWhere(({ beatsRandom }) => beatsRandom),
    length: idsWhere(({ beatsLength }) => beatsLength),
    singleModel: idsWhere(({ beatsSingleModel }) => beatsSingleModel),
  }
}

/** The best three strategies, then `length` and `random`. */
function chartSeries(strategies: readonly Measurement[]) {
  const best = strategies
    .filter(({ id }) => !isBaseline(id))
    .sort((a, b) => (b.apgr ?? 0) - (a.apgr ?? 0))
    .slice(0, 3)
  const compared = ['length', 'random'].map(id => strategies.find(measured => measured.id === id)!)
  return [...best, ...compared].map(({ id, curve }) => ({
    label: id,
    points: curve.map(({ strongShare, quality }) => ({ x: strongShare, y: quality })),
  }))
}

function renderLearning(stages: readonly EvalStage[], colors: ChalkInstance): string {
  const ids = stages[0]!.strategies.map(({ id }) => id).filter(hasCurve)
  const rows = stages.map(({ trainSize, strategies }) => {
    const cells = ids.map(id => fixed(strategies.find(measured => measured.id === id)!.apgr))
    return [grouped(trainSize!), ...cells]
  })
  return `APGR by rows learned from\n\n${renderNumbers(['rows', ...ids], rows, colors)}`
}

function renderCategories({ byCategory = [], strategies }: EvalStage, colors: ChalkInstance): string {
  const ids = strategies.map(({ id }) => id).filter(hasCurve)
  const rows = byCategory.map(({ category, rows, quality, strategies: measured }) => {
    const hasGap = quality.gapLow > 0 || quality.gapHigh < 0
    const cells = ids.map(id => {
      const { apgr, beatsLength } = measured.find(measurement => measurement.id === id)!
      return `${fixed(hasGap ? apgr : null)}${beatsLength ? '*' : ' '}`
    })
    return [categoryName(category), grouped(rows), fixed(quality.strong), fixed(quality.weak), ...cells]
  })
  const header = ['category', 'rows', 'strong', 'weak', ...ids.map(id => `${id} `)]
  const table = renderNumbers(header, rows, colors)
  return `APGR by category (* beats length there with 95% confidence; – the gap there may be none)\n\n${table}`
}

/** What a category is called where '' would not be seen. */
export function categoryName(category: string): string {
  return category || '(none)'
}

/** A table of names and numbers. */
export function renderNumbers(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  colors: ChalkInstance,
): string {
  return renderTable([header, ...rows], {
    header: true,
    right: header.map((_, i) => i).slice(1),
    style: (cell, row) => (row === 0 ? colors.bold(cell) : cell),
  })
}
