import type { ModelStatistics, Pool } from '../types.ts'
import type { DriftState } from './drift.ts'
import type { TrafficSnapshot } from './traffic.ts'

/** What the page shows. */
export interface StatusParts {
  readonly traffic: TrafficSnapshot
  readonly drift: DriftState
  readonly pool: Pool
  readonly policy: string
  /** Whether the threshold follows the traffic by itself. */
  readonly isFollowed: boolean
  readonly now: number
}

/** A page for people: plain HTML and SVG, nothing from elsewhere, itself again every few seconds. */
export function statusPage(parts: StatusParts): string {
  const { traffic, drift } = parts
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>llmroute</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>llmroute <small>policy ${escaped(parts.policy)}, up ${duration(parts.now - traffic.since)}</small></h1>
<section class="tiles">
${tile('Requests', grouped(traffic.requests), `${grouped(traffic.failed)} failed`)}
${shareTile(drift, parts.isFollowed)}
${savedTile(traffic, parts.pool)}
${tile('Latency, median', milliseconds(quantile(traffic.latencies, 0.5)), `99 %: ${milliseconds(quantile(traffic.latencies, 0.99))}`)}
</section>
<section>
<h2>Requests a minute</h2>
${bars(traffic.perMinute)}
</section>
<section>
<h2>Models</h2>
<div class="wide"><table>
<tr><th>model</th><th>state</th><th class="n">answers</th><th class="n">in flight</th><th class="n">latency</th><th class="n">errors</th></tr>
${parts.pool.models.map(({ id }) => modelRow(id, traffic.byModel[id] ?? 0, parts.pool.statistics?.of(id))).join('\n')}
</table></div>
</section>
<section>
<h2>Last decisions</h2>
<div class="wide"><table>
<tr><th>time</th><th>asked for</th><th>answered by</th><th>why</th><th class="n">status</th><th class="n">latency</th></tr>
${traffic.recent.map(recentRow).join('\n') || '<tr><td colspan="6">None yet.</td></tr>'}
</table></div>
</section>
</main>
<script>${SCRIPT}</script>
</body>
</html>
`
}

/** What the page may do: show itself, and ask for itself again. */
export const STATUS_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const SCRIPT = `setInterval(async () => {
  if (document.hidden) return
  try {
    const text = await (await fetch(location.pathname)).text()
    document.querySelector('main').replaceWith(new DOMParser().parseFromString(text, 'text/html').querySelector('main'))
  } catch {}
}, 3000)`

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5c6670; --line: #d9dee3; --paper: #fff; --tile: #f5f7f9; --main: #2f6fde; --good: #1a7f47; --bad: #c62f38 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #98a2ad; --line: #363d45; --paper: #14181c; --tile: #1d2329; --main: #79a7ff; --good: #57c785; --bad: #ff7b81 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif }
main { max-width: 68rem; margin: 0 auto; padding: 1.5rem 1rem 3rem }
h1 { font-size: 1.4rem; margin: 0 0 1rem } h1 small { color: var(--soft); font-size: .9rem; font-weight: 400 }
h2 { font-size: 1rem; margin: 2rem 0 .5rem }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: .75rem }
.tile { background: var(--tile); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem }
.tile b { display: block; font-size: 1.6rem; font-weight: 600; font-variant-numeric: tabular-nums }
.tile span, .tile i { color: var(--soft); font-style: normal; font-size: .85rem } .tile.alarm { border-color: var(--bad) } .tile.alarm i { color: var(--bad) }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th { text-align: left; color: var(--soft); font-weight: 500; font-size: .85rem }
th, td { padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); white-space: nowrap } td.why { white-space: normal; min-width: 14rem } .n { text-align: right }
.up { color: var(--good) } .down { color: var(--bad) }
.scale { color: var(--soft); font-size: .85rem; font-style: normal }
svg { display: block; width: 100%; height: 6rem } svg rect { fill: var(--main) } svg line { stroke: var(--line) } svg text { fill: var(--soft); font: 11px system-ui, sans-serif }
`

function tile(name: string, value: string, note: string, isAlarm = false): string {
  return `<div class="tile${isAlarm ? ' alarm' : ''}"><span>${name}</span><b>${value}</b><i>${note}</i></div>`
}

function shareTile({ share, target, window, isDrifting }: DriftState, isFollowed: boolean): string {
  const goal = target === null ? 'no target' : `target ${percent(target)}`
  const advice = isFollowed ? 'the threshold is being moved' : 'calibrate again'
  const note = isDrifting ? `${goal}: drifting, ${advice}` : `${goal}, last ${grouped(window)}`
  return tile('Share to strong', share === null ? '–' : percent(share), note, isDrifting)
}

function savedTile({ dollars, unpriced, compared }: TrafficSnapshot, pool: Pool): string {
  const but = unpriced > 0 ? `${requestCount(unpriced)} of unknown cost left out` : undefined
  if (compared.requests === 0)
    return tile('Spent', dollars === 0 && but ? '–' : money(dollars), but ?? notCompared(pool))
  const { requests, dollars: spent, dollarsAllStrong } = compared
  const share = dollarsAllStrong > 0 ? percent((dollarsAllStrong - spent) / dollarsAllStrong) : '–'
  const note = `spent ${money(spent)} of ${money(dollarsAllStrong)} over ${requestCount(requests)}`
  return tile('Saved against all strong', share, dollars > spent ? `${note}; ${money(dollars)} over all` : note)
}

function notCompared({ pair }: Pool): string {
  if (!pair) return 'no pair to compare with'
  const { inputPrice, outputPrice } = pair.strong
  return inputPrice === undefined || outputPrice === undefined
    ? 'prices of strong are not known'
    : 'nothing yet to compare with all strong'
}

function modelRow(id: string, answers: number, statistics: ModelStatistics | undefined): string {
  const state = statistics?.isOpen
    ? `<span class="down">✕ breaker open${statistics.openReason ? `: ${escaped(statistics.openReason)}` : ''}</span>`
    : '<span class="up">● up</span>'
  const errors = statistics && statistics.requests > 0 ? percent(statistics.errors / statistics.requests) : '–'
  const cells = [
    grouped(answers),
    grouped(statistics?.inFlight ?? 0),
    milliseconds(statistics?.latency ?? Number.NaN),
    errors,
  ]
  return `<tr><td>${escaped(id)}</td><td>${state}</td>${cells.map(cell => `<td class="n">${cell}</td>`).join('')}</tr>`
}

function recentRow({ at, asked, model, status, ending, why, latency }: TrafficSnapshot['recent'][number]): string {
  const time = new Date(at).toISOString().slice(11, 19)
  const kind = status < 400 && ending === 'whole' ? 'up' : 'down'
  // A stream that began well may have ended otherwise.
  const result = status < 400 && ending !== 'whole' ? `${status}, ${ending}` : status
  return `<tr><td>${time}</td><td>${escaped(asked)}</td><td>${escaped(model) || '–'}</td><td class="why">${escaped(why)}</td><td class="n ${kind}">${result}</td><td class="n">${milliseconds(latency)}</td></tr>`
}

/** One bar a minute, the scale written at its top. */
function bars(counts: readonly number[]): string {
  const most = Math.max(1, ...counts)
  const [width, height] = [600, 90]
  const step = width / counts.length
  const drawn = counts.map((count, i) => {
    const tall = (count / most) * (height - 16)
    const label = `${grouped(count)}, ${counts.length - 1 - i} min ago`
    return `<rect x="${(i * step + 1).toFixed(1)}" y="${(height - tall).toFixed(1)}" width="${(step - 2).toFixed(1)}" height="${tall.toFixed(1)}"><title>${label}</title></rect>`
  })
  return `<svg viewBox="0 0 ${width} ${height + 14}" preserveAspectRatio="none" role="img" aria-label="Requests of each of the last ${counts.length} minutes, ${grouped(most)} at most"><line x1="0" x2="${width}" y1="${height}" y2="${height}"/>${drawn.join('')}</svg><i class="scale">${grouped(most)} at most; the last hour</i>`
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted.length === 0 ? Number.NaN : sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}

const requestCount = (count: number) => `${grouped(count)} ${count === 1 ? 'request' : 'requests'}`
const grouped = (count: number) => count.toLocaleString('en-US')
const percent = (share: number) => `${(100 * share).toFixed(1)} %`
const money = (dollars: number) => `$${dollars.toFixed(Math.abs(dollars) < 1 ? 4 : 2)}`
const milliseconds = (value: number) =>
  Number.isNaN(value)
    ? '–'
    : value < 1000
      ? `${value.toFixed(value < 10 ? 1 : 0)} ms`
      : `${(value / 1000).toFixed(1)} s`

function duration(value: number): string {
  const minutes = Math.floor(value / 60_000)
  if (minutes < 60) return `${minutes} min`
  return minutes < 1440 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.floor(minutes / 1440)} d`
}
