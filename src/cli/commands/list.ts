import type { Command } from 'commander'
import { embedders } from '../../embedders/registry.ts'
import { beatsLength } from '../../evaluation/worth.ts'
import { datasetCatalog, shippedCheckpoints } from '../../io/catalog.ts'
import { openCheckpoint } from '../../io/open_checkpoint.ts'
import { policies } from '../../policies/registry.ts'
import { lookUp, type Registry } from '../../registry.ts'
import { strategies } from '../../strategies/registry.ts'
import type { TrainingFile } from '../../types.ts'
import { toPrettyJson } from '../output/json.ts'
import { fixed, grouped } from '../output/numbers.ts'
import { renderTable } from '../output/table.ts'

const EXAMPLES = `
Examples:
  llmroute list
  llmroute list checkpoints
  llmroute list strategies --json

--json prints { "version": 1, "<kind>": [{ "id", "summary", ... }] }, or all five kinds without an argument. A checkpoint says
besides { "strategy", "embedder": { "id", "dimensions" } or null, "pair": { "strong", "weak" }, "trainedOn": [{ "name", "rows",
"sha256", "apgr": { "value", "low", "high" }, "minusLength": likewise }], "measured": { "apgr", "minusLength",
"beatsSingleModel" } over all of them or null, "date", "sha256" }.`

interface Item {
  readonly id: string
  readonly summary: string
  /** Further lines of the text form. */
  readonly details?: readonly string[]
}

/** kind → its items. */
const kinds: Registry<readonly Item[]> = {
  strategies: { summary: 'what scores prompts', load: async () => itemsOf(strategies) },
  embedders: { summary: 'what turns texts to vectors', load: async () => itemsOf(embedders) },
  policies: { summary: 'what picks models', load: async () => itemsOf(policies) },
  datasets: { summary: 'what ships for trying things out', load: async () => datasetCatalog },
  checkpoints: { summary: 'trained weights that ship', load: describeCheckpoints },
}

/** `llmroute list [kind]`. */
export function define(command: Command): void {
  command
    .argument('[kind]', Object.keys(kinds).join(', '))
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(run)
}

async function run(kind: string | undefined, flags: { json?: boolean }): Promise<void> {
  const wanted = kind === undefined ? Object.keys(kinds) : [kind]
  const lists = await Promise.all(wanted.map(async id => [id, await lookUp(kinds, id, 'kind').load()] as const))
  if (flags.json) {
    process.stdout.write(
      toPrettyJson({
        version: 1,
        ...Object.fromEntries(lists.map(([id, items]) => [id, items.map(({ details: _, ...item }) => item)])),
      }),
    )
    return
  }
  for (const [id, items] of lists) {
    if (lists.length > 1) process.stdout.write(`${id}\n`)
    const indent = lists.length > 1 ? '  ' : ''
    const rows = items.flatMap(({ id, summary, details = [] }) => [
      [id, summary],
      ...details.map(detail => ['', detail]),
    ])
    process.stdout.write(renderTable(rows).replace(/^/gm, indent).trimEnd())
    process.stdout.write('\n')
  }
}

function itemsOf(registry: Registry<unknown>): Item[] {
  return Object.entries(registry).map(([id, { summary }]) => ({ id, summary }))
}

async function describeCheckpoints(): Promise<readonly Item[]> {
  return Promise.all(
    shippedCheckpoints().map(async ({ id, file }) => {
      const { metadata, sha256 } = await openCheckpoint(file)
      const { strategy, embedder = null, pair, trainedOn, measured = null, date, options } = metadata
      const rows = trainedOn.reduce((sum, trained) => sum + trained.rows, 0)
      const summary = `${pair.strong} or ${pair.weak}, ${date}`
      const all = { name: `all ${trainedOn.length}, each counting alike`, rows, ...measured }
      const figures = [...trainedOn, ...(measured && trainedOn.length > 1 ? [all] : [])].map(figuresOf)
      const details = [
        `${grouped(rows)} outcomes; APGR ${options.measuredOn ?? 'by cross-validation'}${trainedOn.some(file => file.minusLength) ? ' (* beats length)' : ''}:`,
        ...renderTable(figures, { right: [1] })
          .trimEnd()
          .split('\n'),
      ]
      return { id, summary, details, strategy, embedder, pair, trainedOn, measured, date, sha256 }
    }),
  )
}

function figuresOf({ name, rows, apgr, minusLength }: Omit<TrainingFile, 'sha256'>): string[] {
  const interval = apgr ? `${fixed(apgr.value)} (${fixed(apgr.low)} to ${fixed(apgr.high)})` : 'undefined'
  return [name, grouped(rows), `${interval}${beatsLength(minusLength) ? ' *' : ''}`]
}
