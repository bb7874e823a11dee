import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { bundle } from './bundle.mjs'
import { median } from './median.mjs'

const PROMPTS = '../shared/data/routellm_mmlu.csv'
const RUNS = 9

/** The table of the static embedder, each time in a new process, in time of a core of its own: others may be at work. */
export async function measure() {
  const file = await bundle(program, 'static_embedder')
  const runs = Array.from({ length: RUNS }, () =>
    JSON.parse(execFileSync(process.execPath, [file, PROMPTS], { encoding: 'utf8' })),
  )
  return [
    {
      name: `static: table ready, by processor time, median of ${RUNS} processes`,
      value: median(runs.map(({ load }) => load)),
      unit: 'ms',
      target: '≤ 15',
    },
    {
      name: `static: ${existsSync(PROMPTS) ? 'MMLU' : 'made-up'} prompts, by processor time`,
      value: Math.round(median(runs.map(({ rate }) => rate))),
      unit: 'prompts/s',
      target: '≥ 20,000',
    },
  ]
}

const program = `
import { existsSync, readFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'
import { create } from './src/embedders/static.ts'
import { readEmbedderTable } from './src/io/embedder_table.ts'

const spent = since => {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}
const start = process.cpuUsage()
const embedder = await create({}, { embedderTable: readEmbedderTable })
const load = spent(start)
const file = process.argv[2]
const prompts = existsSync(file)
  ? parse(readFileSync(file), { columns: true }).map(({ prompt }) => prompt)
  : Array.from({ length: 10_000 }, (_, i) => 'Question ' + i + ': ' + 'explain the difference between them. '.repeat(12))
await embedder.embed(prompts)
const before = process.cpuUsage()
await embedder.embed(prompts)
console.log(JSON.stringify({ load, rate: (prompts.length / spent(before)) * 1000 }))
`
