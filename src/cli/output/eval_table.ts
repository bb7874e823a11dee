import type { ChalkInstance } from 'chalk'
import type { Measurement } from '../../evaluation/benchmark.ts'
import { dollars, fixed, NOTHING, percent, signed } from './numbers.ts'
import { renderTable } from './table.ts'

/** A line of the table: measured, or still to come. */
export interface EvalLine {
  readonly id: string
  readonly measured?: Measurement
  /** What stands in place of the figures. */
  readonly pending?: string
}

interface Column {
  readonly head: string
  /** A narrow terminal does without it; the lowest goes first. */
  readonly dropped?: number
  readonly cell: (measurement: Measurement) => string
}

const COLUMNS: readonly Column[] = [
  { head: 'APGR', cell: ({ apgr }) => fixed(apgr) },
  { head: '95% interval', cell: ({ apgrLow, apgrHigh }) => span(fixed, apgrLow, apgrHigh) },
  { head: 'CPT20', dropped: 2, cell: ({ cpt20 }) => percent(cpt20) },
  { head: 'CPT50', cell: ({ cpt50 }) => percent(cpt50) },
  { head: 'CPT80', dropped: 3, cell: ({ cpt80 }) => percent(cpt80) },
  { head: 'quality', dropped: 1, cell: ({ quality50 }) => fixed(quality50) },
  { head: '$/1k', cell: ({ costPer1000 }) => dollars(costPer1000) },
  { head: '− length', cell: ({ minusLength }) => signed(minusLength) },
  {
    head: '95% interval',
    dropped: 4,
    cell: ({ minusLengthLow, minusLengthHigh }) => span(signed, minusLengthLow, minusLengthHigh),
  },
  { head: 'beats length', cell: verdict },
]

/**
 * Strategies as lines of a table. The column of costs is there only where some are known.
 * @param width characters that a line may have.
 */
export function renderEvalTable(
  lines: readonly EvalLine[],
  colors: ChalkInstance,
  hasCosts: boolean,
  width = Number.POSITIVE_INFINITY,
): string {
  let columns = COLUMNS.filter(({ head }) => hasCosts || head !== '$/1k')
  for (let next = 1; next <= 4 && widthOf(lines, columns) > width; next++) {
    columns = columns.filter(({ dropped }) => dropped !== next)
  }
  const rows = lines.map(({ id, measured, pending = '' }) =>
    measured ? [id, ...columns.map(({ cell }) => cell(measured))] : [id, pending],
  )
  const style = (cell: string, row: number, column: number): string => {
    if (row === 0) return colors.bold(cell)
    const line = lines[row - 1]!
    if (!line.measured || isBaseline(line.id)) return colors.dim(cell)
    if (column === 0) return colors.bold(cell)
    if (column < columns.length || line.measured.beatsLength === null) return cell
    return line.measured.beatsLength ? colors.green(cell) : colors.red(cell)
  }
  const right = columns.map((_, i) => i + 1).slice(0, -1)
  return renderTable([['strategy', ...columns.map(({ head }) => head)], ...rows], { header: true, right, style })
}

/** Characters of the widest line. */
function widthOf(lines: readonly EvalLine[], columns: readonly Column[]): number {
  const ids = Math.max(...lines.map(({ id }) => id.length), 'strategy'.length)
  return columns.reduce((sum, { head, cell }) => {
    const cells = lines.map(({ measured }) => (measured ? cell(measured).length : 0))
    return sum + 2 + Math.max(head.length, ...cells)
  }, ids)
}

/** Whether the line is there only to compare with. */
export function isBaseline(id: string): boolean {
  return ['random', 'length', 'strong', 'weak', 'oracle'].includes(id)
}

/** Whether the line ranks prompts: single models do not. */
export function hasCurve(id: string): boolean {
  return id !== 'strong' && id !== 'weak'
}

/** `0.5 to 0.6`, or nothing. */
export function span(format: (value: number | null) => string, low: number | null, high: number | null): string {
  return low === null || high === null ? NOTHING : `${format(low)} to ${format(high)}`
}

function verdict({ id, minusLength, beatsLength }: Measurement): string {
  if (id === 'length' || minusLength === null) return NOTHING
  return answer(beatsLength)
}

/** Whether something is shown with confidence, in a word. */
export function answer(isShown: boolean | null): string {
  return isShown === null ? 'unclear' : isShown ? 'yes' : 'no'
}
