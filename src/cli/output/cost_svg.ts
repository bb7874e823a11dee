import { basename } from 'node:path'
import type { PolicyMeasurement } from '../../evaluation/policy_benchmark.ts'
import type { PolicyReport } from '../policy_eval_run.ts'
import { dollars, fixed } from './numbers.ts'
import { COLORS, escaped, round, roundTicks, trimmed } from './svg.ts'

const [LEFT, TOP, WIDTH, HEIGHT, LEGEND] = [70, 64, 600, 400, 330]

/** Quality over cost of policies and single models as a standalone SVG document. The report must have costs. */
export function renderCostSvg(report: PolicyReport): string {
  const { policies, singles, random, oracle, line, file, plan } = report
  const lines = [...policies, ...singles, random, oracle]
  const swept = policies.flatMap(({ sweep }) => sweep?.points ?? [])
  const costs = [...lines.map(costOf), ...swept.map(({ costPer1000 }) => costPer1000)]
  const qualities = [
    ...lines.flatMap(({ quality }) => [quality.low!, quality.high!]),
    ...swept.map(({ quality }) => quality),
  ]
  const right = Math.max(...costs) * 1.05 || 1
  const [low, high] = [Math.min(...qualities), Math.max(...qualities)]
  const margin = (high - low) * 0.05 || 0.05
  const [bottom, top] = [low - margin, high + margin]
  const x = (cost: number) => round(LEFT + (cost / right) * WIDTH)
  const y = (quality: number) => round(TOP + HEIGHT * (1 - (quality - bottom) / (top - bottom)))
  const path = (points: readonly { readonly costPer1000: number; readonly quality: number }[]) =>
    points.map(point => `${x(point.costPer1000)},${y(point.quality)}`).join(' ')

  const grid = [
    ...roundTicks(bottom, top).map(
      tick =>
        `<line x1="${LEFT}" x2="${LEFT + WIDTH}" y1="${y(tick)}" y2="${y(tick)}" stroke="#e6e6e6"/><text x="${LEFT - 8}" y="${y(tick) + 4}" text-anchor="end">${trimmed(tick)}</text>`,
    ),
    ...roundTicks(0, right).map(
      tick =>
        `<line x1="${x(tick)}" x2="${x(tick)}" y1="${TOP}" y2="${TOP + HEIGHT}" stroke="#f2f2f2"/><text x="${x(tick)}" y="${TOP + HEIGHT + 20}" text-anchor="middle">$${trimmed(tick)}</text>`,
    ),
  ]
  const bar = (measured: PolicyMeasurement, color: string) => {
    const at = x(costOf(measured))
    return `<line x1="${at}" x2="${at}" y1="${y(measured.quality.low!)}" y2="${y(measured.quality.high!)}" stroke="${color}" opacity="0.5"/>`
  }
  const dot = (measured: PolicyMeasurement, color: string, radius: number) =>
    `${bar(measured, color)}<circle cx="${x(costOf(measured))}" cy="${y(measured.quality.value!)}" r="${radius}" fill="${color}"><title>${escaped(titleOf(measured))}</title></circle>`
  const best = `<polyline points="${path(line!.points)}" fill="none" stroke="${GREY}" stroke-width="1.6" stroke-dasharray="6 3"><title>the best single models</title></polyline>`
  const drawn = policies.flatMap((policy, p) => {
    const color = COLORS[p % COLORS.length]!
    const points = policy.sweep?.points ?? []
    const hull = points.filter(({ isOnHull }) => isOnHull).toSorted((a, b) => a.costPer1000 - b.costPer1000)
    const small = points.map(
      point => `<circle cx="${x(point.costPer1000)}" cy="${y(point.quality)}" r="2" fill="${color}" opacity="0.6"/>`,
    )
    const joined =
      hull.length > 1 ? [`<polyline points="${path(hull)}" fill="none" stroke="${color}" stroke-width="2.2"/>`] : []
    return [...small, ...joined, dot(policy, color, 5)]
  })
  const legend = [
    ...policies.map((policy, p) => ({ color: COLORS[p % COLORS.length]!, name: policy.id, note: noteOf(policy) })),
    { color: GREY, name: 'single models', note: line!.points.map(({ model }) => model).join(', ') },
    { color: BLACK, name: 'oracle', note: titleOf(oracle) },
    { color: LIGHT, name: 'random', note: titleOf(random) },
  ].map(({ color, name, note }, at) => {
    const [left, height] = [LEFT + WIDTH + 24, TOP + 12 + at * 34]
    const about = note.length > 52 ? `${note.slice(0, 51)}…` : note
    return `<circle cx="${left + 8}" cy="${height}" r="5" fill="${color}"/><text x="${left + 22}" y="${height + 4}" class="name">${escaped(name)}</text><text x="${left + 22}" y="${height + 18}" class="note">${escaped(about)}</text>`
  })
  const total = { width: LEFT + WIDTH + LEGEND, height: TOP + Math.max(HEIGHT, legend.length * 34) + 60 }
  const title = `${basename(file)}: cost and quality`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${total.width} ${total.height}" width="${total.width}" height="${total.height}" role="img" aria-label="${escaped(title)}">`,
    '<style>text{font:12px system-ui,sans-serif;fill:#444}.title{font-size:17px;font-weight:600;fill:#111}.name{font-weight:600;fill:#222}.note{font-size:11px;fill:#777}</style>',
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="${LEFT}" y="28" class="title">${escaped(title)}</text>`,
    `<text x="${LEFT}" y="47" class="note">${escaped([`${plan.test.rows} prompts, 95% intervals`, ...plan.methods.map(method => basename(method))].join('; '))}</text>`,
    ...grid,
    `<rect x="${LEFT}" y="${TOP}" width="${WIDTH}" height="${HEIGHT}" fill="none" stroke="#ccc"/>`,
    best,
    ...singles.map(single => dot(single, GREY, 3.5)),
    dot(random, LIGHT, 4),
    dot(oracle, BLACK, 4),
    ...drawn,
    `<text x="${LEFT + WIDTH / 2}" y="${TOP + HEIGHT + 44}" text-anchor="middle">US dollars per 1,000 prompts</text>`,
    `<text transform="translate(18 ${TOP + HEIGHT / 2}) rotate(-90)" text-anchor="middle">quality</text>`,
    ...legend,
    '</svg>',
    '',
  ].join('\n')
}

const GREY = '#777777'
const LIGHT = '#b0b0b0'
const BLACK = '#111111'

function costOf({ costPer1000 }: PolicyMeasurement): number {
  return costPer1000.value!
}

function titleOf(measured: PolicyMeasurement): string {
  return `${measured.id}: ${fixed(measured.quality.value)} for ${dollars(costOf(measured))}`
}

function noteOf({ sweep, ...measured }: PolicyReport['policies'][number]): string {
  return sweep
    ? `AIQ ${fixed(sweep.aiq.value)} (${fixed(sweep.aiq.low)} to ${fixed(sweep.aiq.high)})`
    : titleOf(measured)
}
