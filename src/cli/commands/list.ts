import type { Command } from 'commander'
import { embedders } from '../../embedders/registry.ts'
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

--json prints { "version": 1, "<kind>": [{ "id", "summary", ... }] }, or all five kinds without an argument.`

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
      const { strategy, embedder, pair, trainedOn, date, options } = metadata
      const rows = trainedOn.reduce((sum, trained) => sum + trained.rows, 0)
      const way = options.measuredOn ?? 'by cross-validation'
      const summary = `${pair.strong} or ${pair.weak}; trained on ${grouped(rows)} outcomes, ${date}; ${way}:`
      const details = trainedOn.map(
        trained => `${trained.name}: ${grouped(trained.rows)} rows, APGR ${measured(trained.apgr)}`,
      )
      return { id, summary, details, strategy, embedder: embedder ?? null, pair, trainedOn, date, sha256 }
    }),
  )
}

function measured(apgr: TrainingFile['apgr']): string {
  return apgr ? `${fixed(apgr.value)} (${fixed(apgr.low)} to ${fixed(apgr.high)})` : 'undefined'
}
