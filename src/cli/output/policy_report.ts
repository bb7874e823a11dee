import type { ChalkInstance } from 'chalk'
import type { Figure, PolicyMeasurement } from '../../evaluation/policy_benchmark.ts'
import { ARRIVAL, FASTEST, SLOWEST } from '../../evaluation/simulated_calls.ts'
import type { MeasuredPolicy, PolicyReport } from '../policy_eval_run.ts'
import { span } from './eval_table.ts'
import { dollars, fixed, grouped, percent, signed } from './numbers.ts'
import { renderTable } from './table.ts'

/** Head, table, shares and verdicts of policies on one file. */
export function renderPolicyReport(report: PolicyReport, colors: ChalkInstance): string {
  const { policies, singles, random, oracle, best } = report
  const lines = [...policies, ...singles, random, oracle]
  const hasCosts = report.line !== undefined
  const columns = COLUMNS.filter(({ ofCosts }) => hasCosts || !ofCosts)
  const rows = lines.map(line => [nameOf(line, best), ...columns.map(({ cell }) => cell(line))])
  const style = (cell: string, row: number) =>
    row === 0 ? colors.bold(cell) : row > policies.length ? colors.dim(cell) : cell
  const table = renderTable([['policy', ...columns.map(({ head }) => head)], ...rows], {
    header: true,
    right: columns.map((_, i) => i + 1),
    style,
  })
  const said = policyVerdicts(report).map(sentence => `${sentence}\n`)
  return [
    headOf(report),
    table,
    '\n',
    renderShares(report, colors),
    '\n',
    ...said,
    colors.dim(hasCosts ? KEY + COST_KEY : KEY),
  ].join('')
}

/** What the table says, in plain words. */
export function policyVerdicts(report: PolicyReport): string[] {
  const { policies, plan, line, best } = report
  const said: string[] = []
  if (plan.test.rows < FEW) said.push(`${plan.test.rows} prompts: too few to conclude much.`)
  for (const policy of policies) said.push(...sweepVerdict(policy, line?.aiq ?? null))
  for (const { id, minusBest } of policies.filter(policy => !isAssuming(policy))) {
    if (minusBest.low !== null && minusBest.low > 0)
      said.push(`${id}: earns more than the best single model, ${best}, with 95% confidence.`)
  }
  for (const { id, refused } of policies) {
    if (refused > 0)
      said.push(`${id}: called no model for ${grouped(refused)} prompts; they count as quality 0 at no cost.`)
  }
  const assuming = policies.filter(isAssuming).map(({ id }) => id)
  if (assuming.length > 0) {
    said.push(
      `${assuming.join(', ')}: what only answers could tell is taken from the file's scores (a judge or acceptance that is never wrong), so quality is an upper bound.`,
    )
  }
  const live = policies.filter(({ policy }) => LIVE.includes(policy)).map(({ id }) => id)
  if (live.length > 0) {
    said.push(
      `${live.join(', ')}: the pool is simulated, prompts in the order of the file: one every ${ARRIVAL} ms, latencies around ${FASTEST} ms (cheapest model) to ${grouped(SLOWEST)} ms (dearest), no errors.`,
    )
  }
  return [...said, ...plan.notes]
}

/** Whether its quality hangs on answers, which the file does not hold. */
function isAssuming({ plans }: MeasuredPolicy): boolean {
  return plans.has('all') || plans.has('until_accepted')
}

/** Policies that go by live statistics. */
const LIVE = ['least_connections', 'performance', 'adaptive']

/** Below this many tested prompts chance decides more than policies do. */
const FEW = 100

function sweepVerdict({ id, sweep }: MeasuredPolicy, line: Figure | null): string[] {
  if (!sweep || !line) return []
  const { aiq, minusLine, unchosenMinusLine, isAboveLine, option } = sweep
  const verdict =
    isAboveLine === null
      ? 'not shown to be above the straight line between the best single models'
      : `${isAboveLine ? 'above' : 'below'} the straight line between the best single models, with 95% confidence`
  return [
    `${id}: ${verdict}. AIQ over ${option} ${withSpan(fixed, aiq)}, of the line ${withSpan(fixed, line)}, difference ${withSpan(signed, minusLine)}; without choosing points for the hull ${withSpan(signed, unchosenMinusLine)}.`,
  ]
}

interface Column {
  readonly head: string
  readonly ofCosts?: boolean
  readonly cell: (line: PolicyMeasurement) => string
}

const interval =
  (format: (value: number | null) => string, pick: (line: PolicyMeasurement) => Figure) => (line: PolicyMeasurement) =>
    span(format, pick(line).low, pick(line).high)

const COLUMNS: readonly Column[] = [
  { head: 'quality', cell: ({ quality }) => fixed(quality.value) },
  { head: '95% interval', cell: interval(fixed, ({ quality }) => quality) },
  { head: '$/1k', ofCosts: true, cell: ({ costPer1000 }) => dollars(costPer1000.value) },
  { head: '95% interval', ofCosts: true, cell: interval(dollars, ({ costPer1000 }) => costPer1000) },
  { head: 'Arena S', ofCosts: true, cell: ({ routerArena }) => fixed(routerArena.value) },
  { head: '95% interval', ofCosts: true, cell: interval(fixed, ({ routerArena }) => routerArena) },
  { head: '− best', cell: ({ minusBest }) => signed(minusBest.value) },
  { head: '95% interval', cell: interval(signed, ({ minusBest }) => minusBest) },
  { head: '− line', ofCosts: true, cell: ({ minusLine }) => signed(minusLine.value) },
  { head: '95% interval', ofCosts: true, cell: interval(signed, ({ minusLine }) => minusLine) },
]

const KEY = `− best: quality minus that of the best single model (*), paired.
random: any model alike. oracle: knows the outcomes; of the best models the cheapest.
`
const COST_KEY = `− line: quality minus what mixing the best single models gives for the same dollars, paired.
$/1k: dollars per 1,000 prompts. Arena S: RouterArena's score of quality and cost, 0 to 1.
AIQ: mean height of the line of cost and quality between the costs of the cheapest and the dearest model (RouterBench).
`

function headOf({ file, plan, seed, resamples, best }: PolicyReport): string {
  const { test, rows, seen, skipped, methods } = plan
  const lines = [
    `${file}: ${grouped(rows)} prompts, ${test.models.length} models, ${grouped(test.rows)} prompts tested`,
    `${[...methods, `seed ${seed}`, `${grouped(resamples)} paired resamples`].join('; ')}`,
    `best single model: ${best}`,
  ]
  if (skipped > 0) lines.push(`${grouped(skipped)} bad rows left out (--skip-bad)`)
  if (seen > 0) {
    const what = test.rows < rows ? 'left out (--allow-seen keeps them)' : 'tested all the same: figures flatter'
    lines.push(`${grouped(seen)} prompts were seen in training: ${what}`)
  }
  return `${lines.join('\n')}\n\n`
}

function nameOf({ id }: PolicyMeasurement, best: string): string {
  return id === best ? `${id} *` : id
}

function renderShares({ policies, oracle, plan }: PolicyReport, colors: ChalkInstance): string {
  const shown = [...policies, oracle]
  const rows = plan.test.models.map(model => [model, ...shown.map(({ shares }) => percent(shares[model] ?? 0))])
  const table = renderTable([['share of prompts', ...shown.map(({ id }) => id)], ...rows], {
    header: true,
    right: shown.map((_, i) => i + 1),
    style: (cell, row) => (row === 0 ? colors.bold(cell) : cell),
  })
  return table
}

function withSpan(format: (value: number | null) => string, { value, low, high }: Figure): string {
  return `${format(value)} (${span(format, low, high)})`
}
