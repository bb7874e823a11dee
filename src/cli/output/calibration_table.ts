import type { Spending, Target } from '../../routing/calibration.ts'
import type { Calibrated } from '../calibrate_run.ts'
import { dollars, fixed, percent } from './numbers.ts'
import { renderTable } from './table.ts'

/** A line a target. Thresholds are printed whole, so that they can be copied. */
export function renderCalibrated(calibrated: readonly Calibrated[], hasData: boolean): string {
  const columns: { head: string; cell: (row: Calibrated) => string; isShown: boolean }[] = [
    { head: 'target', cell: targetOf, isShown: true },
    { head: 'threshold', cell: ({ threshold }) => String(threshold), isShown: true },
    { head: 'strong share', cell: ({ strongShare }) => percent(strongShare), isShown: true },
    { head: '95% interval', cell: intervalOf, isShown: hasData },
    { head: 'quality', cell: ({ quality }) => fixed(quality), isShown: calibrated.some(row => row.quality !== null) },
    {
      head: '$/1k',
      cell: ({ costPer1000 }) => dollars(costPer1000),
      isShown: calibrated.some(row => row.costPer1000 !== null),
    },
    ...holdoutColumns(calibrated),
  ]
  const shown = columns.filter(({ isShown }) => isShown)
  const right = shown.map((_, i) => i).slice(1)
  return renderTable([shown.map(({ head }) => head), ...calibrated.map(row => shown.map(({ cell }) => cell(row)))], {
    header: true,
    right,
  })
}

function holdoutColumns(calibrated: readonly Calibrated[]) {
  const hasHoldout = calibrated.some(({ holdout }) => holdout)
  const has = (figure: 'quality' | 'costPer1000') =>
    calibrated.some(({ holdout }) => (holdout?.[figure] ?? null) !== null)
  return [
    {
      head: 'held out: share',
      cell: ({ holdout }: Calibrated) => percent(holdout?.strongShare ?? null),
      isShown: hasHoldout,
    },
    {
      head: '95% interval',
      cell: ({ holdout }: Calibrated) => (holdout ? intervalOf(holdout) : ''),
      isShown: hasHoldout,
    },
    { head: 'quality', cell: ({ holdout }: Calibrated) => fixed(holdout?.quality ?? null), isShown: has('quality') },
    {
      head: '$/1k',
      cell: ({ holdout }: Calibrated) => dollars(holdout?.costPer1000 ?? null),
      isShown: has('costPer1000'),
    },
  ]
}

function targetOf({ kind, value }: Target): string {
  if (kind === 'max_cost') return `at most ${dollars(value)} per 1,000`
  return kind === 'strong_pct' ? `${percent(value)} to strong` : `${percent(value)} of strong's quality`
}

function intervalOf({ strongShareLow, strongShareHigh }: Spending): string {
  return `${percent(strongShareLow)} to ${percent(strongShareHigh)}`
}
