import type { ChalkInstance } from 'chalk'
import type { Measurement } from '../../evaluation/benchmark.ts'
import type { EvalReport, EvalStage } from '../eval_run.ts'
import { renderChart } from './chart.ts'
import { isBaseline, renderEvalTable } from './eval_table.ts'
import { fixed, grouped } from './numbers.ts'
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

/** One stage as text: head, table, verdicts, curve. */
export function renderStage(report: EvalReport, index: number, colors: ChalkInstance): string {
  const stage = report.stages[index]!
  const hasCosts = stage.strategies.some(({ costPer1000 }) => costPer1000 !== null)
  const lines = stage.strategies.map(measured => ({ id: measured.id, measured }))
  const said = [...verdicts(stage), ...report.notes]
  const key = [
    'APGR: average share of the gap between weak and strong that is recovered; random gives 0.5.',
    'CPTn: share of prompts to strong that recovers n % of the gap. quality: with half the prompts to strong.',
    ...(hasCosts ? ['$/1k: dollars per 1,000 prompts at CPT50; of a single model its own.'] : []),
  ]
  return [
    renderHead(report, index),
    renderEvalTable(lines, colors, hasCosts),
    '\n',
    colors.dim(`${key.join('\n')}\n`),
    '\n',
    ...said.flatMap(note => [note, '\n']),
    ...(said.length > 0 ? ['\n'] : []),
    renderChart(chartSeries(stage.strategies), 'quality', colors),
    ...(stage.byCategory ? ['\n', renderCategories(stage, colors)] : []),
  ].join('')
}

/** What the table says about the strategies, baselines aside, in plain words. */
export function verdicts({ strategies, quality }: Pick<EvalStage, 'strategies' | 'quality'>): string[] {
  const candidates = strategies.filter(({ id }) => !isBaseline(id))
  const said: string[] = []
  if (quality.strong <= quality.weak) {
    said.push(
      `strong earns ${fixed(quality.strong)} and weak ${fixed(quality.weak)}: there is no gap to recover, so APGR and CPT are undefined.`,
    )
  } else if (candidates.length > 0) {
    const winners = candidates.filter(({ beatsLength }) => beatsLength)
    said.push(
      winners.length > 0
        ? `Beat length with 95% confidence: ${winners.map(({ id }) => id).join(', ')}.`
        : 'No strategy beats length (longer prompts to strong) with confidence.',
    )
  }
  if (candidates.length > 0) {
    const better = quality.strong > quality.weak ? 'strong' : 'weak'
    const winners = candidates.filter(({ beatsSingleModel }) => beatsSingleModel)
    said.push(
      winners.length > 0
        ? `At some share earn more than ${better} alone, with 95% confidence: ${winners.map(({ id }) => id).join(', ')}.`
        : `No strategy earns more than ${better} alone with confidence: what routing saves here is cost.`,
    )
  }
  return said
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

function renderCategories({ byCategory = [], strategies }: EvalStage, colors: ChalkInstance): string {
  const ids = strategies.map(({ id }) => id).filter(id => id !== 'strong' && id !== 'weak')
  const rows = byCategory.map(({ category, rows, quality, strategies: measured }) => {
    const cells = ids.map(id => {
      const { apgr, beatsLength } = measured.find(measurement => measurement.id === id)!
      return `${fixed(apgr)}${beatsLength ? '*' : ' '}`
    })
    return [category || '(none)', grouped(rows), fixed(quality.strong), fixed(quality.weak), ...cells]
  })
  const header = ['category', 'rows', 'strong', 'weak', ...ids.map(id => `${id} `)]
  const table = renderTable([header, ...rows], {
    header: true,
    right: header.map((_, i) => i).slice(1),
    style: (cell, row) => (row === 0 ? colors.bold(cell) : cell),
  })
  return `APGR by category (* beats length there with 95% confidence)\n\n${table}`
}
