import type { ChalkInstance } from 'chalk'
import type { ArmReport } from '../../evaluation/ab_report.ts'
import type { LoggedArms } from '../../evaluation/logged_arms.ts'
import type { ReplayRun } from '../../io/replay_log.ts'
import type { ReplayComparison } from '../../routing/replay.ts'
import type { MeanScore, ReplayQuality } from '../../routing/replay_quality.ts'
import { dollars, fixed, grouped, NOTHING, percent } from './numbers.ts'
import { renderTable } from './table.ts'

/** A replay, for printing in whatever form. */
export interface ReplayReport {
  readonly file: string
  readonly run: ReplayRun
  readonly skipped: number
  readonly comparison: ReplayComparison
  /** Absent without feedback. */
  readonly quality?: ReplayQuality
  /** Absent where the log is not of policy `ab`. */
  readonly arms?: LoggedArms
}

/** Shares and dollars of both sides as a table, then what feedback says. */
export function renderReplay(report: ReplayReport, colors: ChalkInstance): string {
  const { file, run, comparison, quality, arms } = report
  const { requests, was, would, changed } = comparison
  const models = [...new Set([...Object.keys(was.shares), ...Object.keys(would.shares)])]
  const rows = [
    ...models.map(model => [model, percent(was.shares[model] ?? 0), percent(would.shares[model] ?? 0)]),
    ['$/1k', dollars(per1000(was.cost, requests)), dollars(per1000(would.cost, requests))],
  ]
  const table = renderTable([['', 'was', 'would be'], ...rows], {
    header: true,
    right: [1, 2],
    style: (cell, row) => (row === 0 ? colors.bold(cell) : cell),
  })
  const head = `${file}: ${grouped(requests)} requests by ${titleOf(run)}; ${grouped(changed)} (${percent(changed / requests)}) would go to another model\n\n`
  const said = replayNotes(report).map(note => `${note}\n`)
  const tables = [
    ...(quality ? [renderQuality(quality, colors)] : []),
    ...(arms?.quality ? [renderArms('arm by feedback', arms.quality, fixed, colors)] : []),
    ...(arms?.cost.some(({ requests }) => requests > 0)
      ? [renderArms('arm by cost of an answer', arms.cost, dollars, colors)]
      : []),
  ]
  return [head, table, '\n', ...tables.flatMap(text => [text, '\n']), ...said].join('')
}

/** The document that `replay --json` prints. */
export function replayDocument(report: ReplayReport) {
  const { file, run, skipped, comparison, quality, arms } = report
  const { requests, was, would, changed, refused } = comparison
  return {
    version: 1,
    file,
    policy: run.policy,
    threshold: run.threshold ?? null,
    requests,
    skipped,
    unread: run.unread,
    was: {
      shares: was.shares,
      cost: was.cost,
      costPer1000: per1000(was.cost, requests),
      paid: was.paid,
      answered: was.answered,
    },
    would: { shares: would.shares, cost: would.cost, costPer1000: per1000(would.cost, requests) },
    changed,
    refused,
    quality: quality ?? null,
    arms: arms ? { quality: arms.quality?.map(armDocument) ?? null, cost: arms.cost.map(armDocument) } : null,
    notes: replayNotes(report),
  }
}

function armDocument({ difference, ...arm }: ArmReport) {
  return { ...arm, difference: difference ?? null }
}

function replayNotes({ run, skipped, comparison, quality }: ReplayReport): string[] {
  const { was, would, requests, refused } = comparison
  const notes: string[] = []
  if (was.cost !== null && would.cost !== null) {
    const saved = was.cost - would.cost
    notes.push(
      `Dollars for all requests: ${dollars(was.cost)} was, ${dollars(would.cost)} would be: ${dollars(Math.abs(saved))} ${saved >= 0 ? 'less' : 'more'}. Predicted for both alike.`,
    )
  } else {
    notes.push(
      'Dollars are not known: give the models input_price, output_price and output_tokens in llmroute.yaml (a log of answers tells the tokens).',
    )
  }
  if (was.paid !== null) notes.push(`The log says ${dollars(was.paid)} for ${grouped(was.answered)} answers.`)
  if (refused > 0)
    notes.push(`${grouped(refused)} requests would be refused: no model could serve them, or the policy has no answer.`)
  if (run.unread > 0) notes.push(`${grouped(run.unread)} requests are left out, since their text is not there.`)
  if (skipped > 0) notes.push(`${grouped(skipped)} lines of the log are no decisions, and left out.`)
  if (run.isSimulated) notes.push('Load and latencies are simulated, so shares are those of a pool without errors.')
  if (run.replayed.some(({ decision }) => decision?.plan === 'until_accepted')) {
    notes.push(
      'Of models in order until one is good enough only the first counts: what comes after it hangs on the answers.',
    )
  }
  if (quality) {
    const { same } = quality
    notes.push(
      `Feedback tells only of the model that answered. Of the other policy it shows the ${grouped(same.requests)} of ${grouped(requests)} requests where it would have chosen the same; these are not a random part of the traffic.`,
    )
  }
  return notes
}

function titleOf({ policy, threshold }: ReplayRun): string {
  return threshold === undefined ? policy : `${policy} ${Number.isFinite(threshold) ? threshold.toFixed(4) : threshold}`
}

function renderQuality({ was, byModel, same }: ReplayQuality, colors: ChalkInstance): string {
  const line = (name: string, { requests, mean, low, high }: MeanScore) => [
    name,
    grouped(requests),
    fixed(mean),
    low === null ? NOTHING : `${fixed(low)} to ${fixed(high)}`,
  ]
  const rows = [
    line('was, all', was),
    ...Object.entries(byModel).map(([model, score]) => line(`was, ${model}`, score)),
    line('same model would be chosen', same),
  ]
  return renderTable([['feedback', 'requests', 'score', '95% interval'], ...rows], {
    header: true,
    right: [1, 2, 3],
    style: (cell, row) => (row === 0 ? colors.bold(cell) : cell),
  })
}

/** A table of the arms, and a line for each that says how it compares. */
function renderArms(
  title: string,
  arms: readonly ArmReport[],
  shown: (value: number) => string,
  colors: ChalkInstance,
): string {
  const rows = arms.map(({ model, requests, keys, mean }) => [model, grouped(requests), grouped(keys), shown(mean)])
  const table = renderTable([[title, 'requests', 'keys', 'mean'], ...rows], {
    header: true,
    right: [1, 2, 3],
    style: (cell, row) => (row === 0 ? colors.bold(cell) : cell),
  })
  return `${table}${arms.map(({ model, verdict }) => `${model} ${verdict}\n`).join('')}`
}

function per1000(cost: number | null, requests: number): number | null {
  return cost === null ? null : (1000 * cost) / requests
}
