import type { Series } from './chart.ts'

/** A line of the plot. */
export interface PlotSeries extends Series {
  /** Stands after the label in the legend. */
  readonly note: string
  /** Drawn thin and grey, for comparison. */
  readonly isBaseline: boolean
  /** Bounds of a band around the line, at its points. */
  readonly band?: readonly { readonly low: number; readonly high: number }[]
}

/** Okabe and Ito's colours, which colour-blind people can tell apart. */
export const COLORS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9']
const GREYS = ['#444444', '#888888', '#b0b0b0']
const DASHES = ['6 3', '2 3', '8 3 2 3']
const [LEFT, TOP, WIDTH, HEIGHT, LEGEND] = [70, 64, 560, 380, 290]

/** Curves over the share sent to strong (x in 0..1) as a standalone SVG document. */
export function renderSvg(title: string, subtitle: string, yLabel: string, series: readonly PlotSeries[]): string {
  const values = series.flatMap(({ points, band = [] }) => [
    ...points.map(({ y }) => y),
    ...band.flatMap(({ low, high }) => [low, high]),
  ])
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const margin = (high - low) * 0.05 || 0.05
  const [bottom, top] = [low - margin, high + margin]
  const ticks = roundTicks(bottom, top)
  const x = (value: number) => round(LEFT + value * WIDTH)
  const y = (value: number) => round(TOP + HEIGHT * (1 - (value - bottom) / (top - bottom)))
  const total = { width: LEFT + WIDTH + LEGEND, height: TOP + HEIGHT + 60 }

  const grid = [
    ...ticks.map(tick => {
      const line = `<line x1="${LEFT}" x2="${LEFT + WIDTH}" y1="${y(tick)}" y2="${y(tick)}" stroke="#e6e6e6"/>`
      return `${line}<text x="${LEFT - 8}" y="${y(tick) + 4}" text-anchor="end">${trimmed(tick)}</text>`
    }),
    ...[0, 0.2, 0.4, 0.6, 0.8, 1].map(tick => {
      const line = `<line x1="${x(tick)}" x2="${x(tick)}" y1="${TOP}" y2="${TOP + HEIGHT}" stroke="#f2f2f2"/>`
      return `${line}<text x="${x(tick)}" y="${TOP + HEIGHT + 20}" text-anchor="middle">${tick * 100}%</text>`
    }),
  ]
  const styles = stylesOf(series)
  const bands = series.flatMap(({ band, points }, s) => {
    if (!band) return []
    const upper = points.map((point, i) => `${x(point.x)},${y(band[i]!.high)}`)
    const lower = points.map((point, i) => `${x(point.x)},${y(band[i]!.low)}`).reverse()
    return [`<polygon points="${[...upper, ...lower].join(' ')}" fill="${styles[s]!.color}" opacity="0.13"/>`]
  })
  const lines = series.map(({ points, label }, s) => {
    const path = points.map(point => `${x(point.x)},${y(point.y)}`).join(' ')
    return `<polyline points="${path}" fill="none" ${stroke(styles[s]!)}><title>${escaped(label)}</title></polyline>`
  })
  const legend = series.map(({ label, note }, s) => {
    const at = TOP + 12 + s * 34
    const sample = `<line x1="${LEFT + WIDTH + 24}" x2="${LEFT + WIDTH + 52}" y1="${at}" y2="${at}" ${stroke(styles[s]!)}/>`
    const name = `<text x="${LEFT + WIDTH + 60}" y="${at + 4}" class="name">${escaped(label)}</text>`
    return `${sample}${name}<text x="${LEFT + WIDTH + 60}" y="${at + 18}" class="note">${escaped(note)}</text>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${total.width} ${total.height}" width="${total.width}" height="${total.height}" role="img" aria-label="${escaped(title)}">`,
    '<style>text{font:12px system-ui,sans-serif;fill:#444}.title{font-size:17px;font-weight:600;fill:#111}.name{font-weight:600;fill:#222}.note{font-size:11px;fill:#777}</style>',
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="${LEFT}" y="28" class="title">${escaped(title)}</text>`,
    `<text x="${LEFT}" y="47" class="note">${escaped(subtitle)}</text>`,
    ...grid,
    `<rect x="${LEFT}" y="${TOP}" width="${WIDTH}" height="${HEIGHT}" fill="none" stroke="#ccc"/>`,
    ...bands,
    ...lines.reverse(),
    `<text x="${LEFT + WIDTH / 2}" y="${TOP + HEIGHT + 44}" text-anchor="middle">share of prompts sent to strong</text>`,
    `<text transform="translate(18 ${TOP + HEIGHT / 2}) rotate(-90)" text-anchor="middle">${escaped(yLabel)}</text>`,
    ...legend,
    '</svg>',
    '',
  ].join('\n')
}

interface LineStyle {
  readonly color: string
  readonly width: number
  readonly dash?: string
}

function stylesOf(series: readonly PlotSeries[]): LineStyle[] {
  let [drawn, compared] = [0, 0]
  return series.map(({ isBaseline }) =>
    isBaseline
      ? { color: GREYS[compared % GREYS.length]!, width: 1.4, dash: DASHES[compared++ % DASHES.length]! }
      : { color: COLORS[drawn++ % COLORS.length]!, width: 2.4 },
  )
}

function stroke({ color, width, dash }: LineStyle): string {
  return `stroke="${color}" stroke-width="${width}" stroke-linejoin="round"${dash ? ` stroke-dasharray="${dash}"` : ''}`
}

/** Round numbers between two bounds, four to ten of them. */
export function roundTicks(low: number, high: number): number[] {
  const raw = (high - low) / 8
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = power * [1, 2, 5, 10].find(factor => factor * power >= raw)!
  const first = Math.ceil(low / step)
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step)
}

/** Without the digits that adding steps leaves behind. */
export function trimmed(value: number): string {
  return String(Number(value.toFixed(6)))
}

/** To a tenth of a pixel. */
export function round(value: number): number {
  return Math.round(value * 10) / 10
}

/** Text that XML may hold. */
export function escaped(text: string): string {
  const characters = Array.from(text, character => (character < ' ' ? ' ' : character))
  return characters.join('').replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`)
}
