import { lstatSync } from 'node:fs'
import { isAbsolute, join, relative, resolve } from 'node:path'
import type { Command } from 'commander'
import { UsageError } from '../../errors.ts'
import { packageRoot } from '../../io/catalog.ts'
import { CONFIG_FILE } from '../../io/config.ts'
import { starterConfig } from '../../io/config_starter.ts'
import { presets } from '../../io/presets.ts'
import { writeWhole } from '../../io/write_whole.ts'
import { unknownName } from '../../registry.ts'
import { toJson } from '../output/json.ts'

const EXAMPLES = `
Providers:
${Object.entries(presets)
  .map(([id, { title, baseUrl }]) => `  ${id.padEnd(11)}${title.padEnd(14)}${baseUrl}`)
  .join('\n')}

Examples:
  llmroute init
  llmroute init --provider groq
  llmroute init --provider anthropic,ollama --force

--json prints { "version", "file", "unset": names of environment variables that hold no key yet }.`

/** `llmroute init`. */
export function define(command: Command): void {
  command
    .option('--provider <ids>', 'whose models it begins with: openai,groq (default: openai)', parseProviders)
    .option('--force', 'write over a llmroute.yaml that is there')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(run)
}

interface Flags {
  provider?: readonly string[]
  force?: boolean
  json?: boolean
}

async function run({ provider = ['openai'], force, json }: Flags): Promise<void> {
  if (!force && lstatSync(CONFIG_FILE, { throwIfNoEntry: false })) {
    throw new UsageError(`${CONFIG_FILE}: expected no such file here yet, got one. Write over it with --force.`)
  }
  const file = resolve(CONFIG_FILE)
  await writeWhole(file, starterConfig(provider, schemaPath()))
  const keys = provider.flatMap(id => presets[id]!.keyVariable ?? [])
  const unset = keys.filter(variable => !process.env[variable])
  if (json) process.stdout.write(toJson({ version: 1, file, unset }))
  process.stderr.write(
    `Wrote ${file}\nNext: ${unset.map(variable => `export ${variable}=…, `).join('')}llmroute config check\n`,
  )
}

function parseProviders(text: string, previous: readonly string[] = []): readonly string[] {
  const ids = text.split(',').map(id => id.trim())
  const unknown = ids.find(id => !Object.hasOwn(presets, id))
  if (unknown !== undefined) throw unknownName('provider', unknown, Object.keys(presets))
  return [...new Set([...previous, ...ids])]
}

/** As an editor finds it from the file: within the folder relative, else absolute. */
function schemaPath(): string {
  const path = join(packageRoot(), 'llmroute.schema.json')
  const fromHere = relative(process.cwd(), path)
  return fromHere.startsWith('..') || isAbsolute(fromHere) ? path : `./${fromHere}`
}
