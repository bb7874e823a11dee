import type { Command } from 'commander'
import { UsageError } from '../../errors.ts'
import { readConfig } from '../../io/config.ts'
import { removeClientKey, saveClientKey } from '../../io/config_keys.ts'
import { serveSchema } from '../../io/serve_schema.ts'
import { lookUp, printable, type Registry } from '../../registry.ts'
import { checked } from '../../schema.ts'
import { createKey, fingerprint } from '../../server/keys.ts'
import { toJson, toPrettyJson } from '../output/json.ts'
import { renderTable } from '../output/table.ts'

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
  llmroute keys list
  llmroute keys remove alice

add prints the new key once, and writes its SHA-256 under serve.keys of llmroute.yaml: the key itself is kept nowhere. list shows
the first digits of that SHA-256, by which you can tell whose a key is: printf %s KEY | sha256sum. A running server takes up
changes by itself. All else in the file stays as it is.

--json prints of add { "version", "name", "key", "sha256", "file" }, of list { "version", "file", "keys": [{ "name", "fingerprint",
"rateLimit", "dailyBudget" }] } with null for no limit, of remove { "version", "name", "file", "left" }, left being how many keys there
still are.`

const WITHOUT_KEYS =
  'Without keys a server that only this machine reaches, or that was started with --insecure, lets everyone ask; any other refuses everyone.'

type Action = (name: string | undefined, flags: Flags) => Promise<void>

const actions: Registry<Action> = {
  add: { summary: 'make a key for a client', load: async () => add },
  list: { summary: 'show who has keys', load: async () => list },
  remove: { summary: 'take a key away', load: async () => remove },
}

/** `llmroute keys <action> [name]`. */
export function define(command: Command): void {
  command
    .argument('<action>', Object.keys(actions).join(', '))
    .argument('[name]', 'who gets the key or loses it, for logs and metrics')
    .option('--rate-limit <n>', 'requests a minute', text => parseAmount(text, '--rate-limit'))
    .option('--daily-budget <dollars>', 'US dollars a day (UTC)', text => parseAmount(text, '--daily-budget'))
    .option('--config <file>', 'configuration (default: llmroute.yaml, looked for upwards)')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (action: string, name: string | undefined, flags: Flags) => {
      await (await lookUp(actions, action, 'action').load())(name, flags)
    })
}

async function add(name: string | undefined, { config, json, ...limits }: Flags): Promise<void> {
  if (name === undefined || !/^[\w.@-]{1,64}$/.test(name)) {
    const got = name === undefined ? 'none' : `"${printable(name)}"`
    throw new UsageError(`keys add: expected a name of letters, digits and . _ @ -, got ${got}.`)
  }
  const { key, sha256 } = createKey()
  const file = await saveClientKey({ name, sha256, ...limits }, config)
  process.stdout.write(json ? toJson({ version: 1, name, key, sha256, file }) : `${key}\n`)
  process.stderr.write(
    `keys: ${name} may now ask with this key, which is shown only here. Its SHA-256 is in ${file}.\n`,
  )
}

async function list(name: string | undefined, flags: Flags): Promise<void> {
  requireNoLimits('list', flags)
  if (name !== undefined) throw new UsageError(`keys list: expected nothing else, got "${printable(name)}".`)
  const { file, serve } = await readConfig(flags.config)
  if (file === undefined) {
    throw new UsageError('keys list: expected llmroute.yaml, got none. llmroute init writes one.')
  }
  const keys = checked(serveSchema, serve, `${file}: serve`).keys.map(key => ({
    name: key.name,
    fingerprint: fingerprint(key),
    rateLimit: key.rate_limit ?? null,
    dailyBudget: key.daily_budget ?? null,
  }))
  if (flags.json) process.stdout.write(toPrettyJson({ version: 1, file, keys }))
  else if (keys.length === 0) process.stderr.write(`keys: ${file} has none. ${WITHOUT_KEYS}\n`)
  else {
    const rows = keys.map(({ name, fingerprint, rateLimit, dailyBudget }) => [
      name,
      fingerprint,
      rateLimit === null ? '–' : String(rateLimit),
      dailyBudget === null ? '–' : `$${dailyBudget}`,
    ])
    const head = ['name', 'fingerprint', 'requests a minute', 'a day']
    process.stdout.write(renderTable([head, ...rows], { header: true, right: [2, 3] }))
  }
}

async function remove(name: string | undefined, flags: Flags): Promise<void> {
  requireNoLimits('remove', flags)
  if (name === undefined) throw new UsageError('keys remove: expected the name of a key, got none.')
  const { file, left } = await removeClientKey(name, flags.config)
  if (flags.json) process.stdout.write(toJson({ version: 1, name, file, left }))
  process.stderr.write(
    left > 0
      ? `keys: ${name} may no longer ask; the key is out of ${file}.\n`
      : `keys: the key of ${name} is out of ${file}, and was the last one. ${WITHOUT_KEYS}\n`,
  )
}

function requireNoLimits(action: string, { rateLimit, dailyBudget }: Flags): void {
  const flag = rateLimit !== undefined ? '--rate-limit' : dailyBudget !== undefined ? '--daily-budget' : undefined
  if (flag) throw new UsageError(`keys ${action}: expected ${flag} of add only. Leave it out.`)
}

function parseAmount(text: string, flag: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new UsageError(`${flag}: expected a number above 0, got "${printable(text)}".`)
}
