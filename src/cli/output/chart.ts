import type { ChalkInstance } from 'chalk'

/** A line to draw: x and y in any units, x ascending. */
export interface Series {
  readonly label: string
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

const MARKS = ['●', '○', '◆', '+', '×', '·']
const WIDTH = 61
const HEIGHT = 15

/** Lines over x from 0 to 1 as text, the first series on top, with a legend below. `yLabel` names the upright axis. */
export function renderChart(series: readonly Series[], yLabel: string, colors: ChalkInstance): string {
  const ys = series.flatMap(({ points }) => points.map(({ y }) => y))
  const low = Math.min(...ys)
  const high = Math.max(...ys)
  const span = high - low || 1
  const paints = [colors.cyan, colors.yellow, colors.magenta, colors.green, colors.white, colors.gray]
  const grid = Array.from({ length: HEIGHT }, () => new Array<string>(WIDTH).fill(' '))
  for (const [s, { points }] of [...series.entries()].reverse()) {
    for (let column = 0; column < WIDTH; column++) {
      const y = valueAt(points, column / (WIDTH - 1))
      if (y === undefined) continue
      const row = Math.round((1 - (y - low) / span) * (HEIGHT - 1))
      grid[row]![column] = paints[s % paints.length]!(MARKS[s % MARKS.length]!)
    }
  }
  const lines = grid.map((cells, row) => {
    const hasLabel = row % 7 === 0
    const label = hasLabel ? (high - (row / (HEIGHT - 1)) * span).toFixed(3) : ''
    return `${label.padStart(7)} ${hasLabel ? '┤' : '│'}${cells.join('')}`.trimEnd()
  })
  const ticks = ['0%', '25%', '50%', '75%', '100%']
    .map(tick => tick.padEnd(15))
    .join('')
    .trimEnd()
  const legend = series.map(({ label }, s) => `${paints[s % paints.length]!(MARKS[s % MARKS.length]!)} ${label}`)
  return [
    `${yLabel} over share sent to strong`,
    ...lines,
    `${' '.repeat(8)}└${'─'.repeat(WIDTH)}`,
    `${' '.repeat(9)}${ticks}`,
    `${' '.repeat(9)}${legend.join('   ')}`,
    '',
  ].join('\n')
}

function valueAt(points: Series['points'], x: number): number | undefined {
  const next = points.findIndex(point => point.x >= x)
  if (next < 0) return undefined
  const right = points[next]!
  if (right.x === x) return right.y
  const left = points[next - 1]
  return left && left.y + ((x - left.x) / (right.x - left.x)) * (right.y - left.y)
}
