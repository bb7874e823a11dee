import type { Command } from 'commander'
import { UsageError } from '../../errors.ts'
import { saveClientKey } from '../../io/config_keys.ts'
import { lookUp, printable } from '../../registry.ts'
import { createKey } from '../../server/keys.ts'
import { toJson } from '../output/json.ts'

interface Flags {
  rateLimit?: number
  dailyBudget?: number
  config?: string
  json?: boolean
}

const EXAMPLES = `
Examples:
  llmroute keys add alice
  llmroute keys add ci --rate-limit 60 --daily-budget 5

Prints the new key once, and writes its SHA-256 under serve.keys of llmroute.yaml: the key itself is kept nowhere. A running
server takes it up by itself. --json prints { "version", "name", "key", "sha256", "file" }.`

const actions = { add: { summary: 'make a key for a client', load: async () => add } }

/** `llmroute keys add <name>`. */
export function define(command: Command): void {
  command
    .argument('<action>', 'add')
    .argument('<name>', 'who gets the key, for logs and metrics')
    .option('--rate-limit <n>', 'requests a minute', text => parseAmount(text, '--rate-limit'))
    .option('--daily-budget <dollars>', 'US dollars a day (UTC)', text => parseAmount(text, '--daily-budget'))
    .option('--config <file>', 'configuration (default: llmroute.yaml, looked for upwards)')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (action: string, name: string, flags: Flags) => {
      await (await lookUp(actions, action, 'action').load())(name, flags)
    })
}

async function add(name: string, { config, json, ...limits }: Flags): Promise<void> {
  if (!/^[\w.@-]{1,64}$/.test(name)) {
    throw new UsageError(`keys add: expected a name of letters, digits and . _ @ -, got "${printable(name)}".`)
  }
  const { key, sha256 } = createKey()
  const file = await saveClientKey({ name, sha256, ...limits }, config)
  process.stdout.write(json ? toJson({ version: 1, name, key, sha256, file }) : `${key}\n`)
  process.stderr.write(
    `keys: ${name} may now ask with this key, which is shown only here. Its SHA-256 is in ${file}.\n`,
  )
}

function parseAmount(text: string, flag: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new UsageError(`${flag}: expected a number above 0, got "${printable(text)}".`)
}
