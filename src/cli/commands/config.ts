import { relative } from 'node:path'
import type { Command } from 'commander'
import { UsageError } from '../../errors.ts'
import { type Config, findConfig } from '../../io/config.ts'
import { type Setting, settingsOf, shownModel, strangePair, unpricedBudgets } from '../../io/config_effect.ts'
import { placedInBlock } from '../../io/config_policies.ts'
import { createRouter } from '../../io/router.ts'
import { environmentConfig, gatherOptions, type RouterOptions } from '../../io/router_options.ts'
import type { ServeSettings } from '../../io/serve_schema.ts'
import { lookUp, type Registry } from '../../registry.ts'
import { exitCodeOf } from '../failure.ts'
import { addDecisionOptions, addPolicyOptions, type DecisionFlags, routerOptions } from '../options.ts'
import { type ConfigReport, renderConfig } from '../output/config_report.ts'
import { toPrettyJson } from '../output/json.ts'

const EXAMPLES = `
Examples:
  llmroute config check
  llmroute config check --config other.yaml --json
  LLMROUTE_THRESHOLD=0.6 llmroute config check --policy chain

Prints what counts and who says so (flag before environment before file), and of each key whether its variable is set. Exit
code 2 where something is wrong, every problem with its line and column. --json prints { "version": 1, "file", "isValid",
"problems": [{ "file", "line", "column", "message" }], "warnings", "settings": [{ "key", "value", "from" }], "models": [{ "id", "endpoint":
{ "baseUrl", "name", "api", "query", "headers", "key": { "variable", "isSet" } }, ... }], "options" }.`

type Flags = DecisionFlags & { json?: boolean }

/** What can be done with a configuration. */
const actions: Registry<(flags: Flags) => Promise<void>> = {
  check: { summary: 'find what is wrong, show what counts', load: async () => check },
}

/** `llmroute config check`. */
export function define(command: Command): void {
  addPolicyOptions(addDecisionOptions(command))
    .argument('<action>', Object.keys(actions).join(', '))
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (action: string, flags: Flags) => (await lookUp(actions, action, 'action').load())(flags))
}

async function check(flags: Flags): Promise<void> {
  const options = await routerOptions(flags)
  const file = findConfig(options.config ?? environmentConfig())
  if (file === undefined) {
    throw new UsageError('llmroute.yaml: expected one here or in a folder above, got none. llmroute init writes one.')
  }
  const report = await reportOn(file, options)
  if (flags.json) process.stdout.write(toPrettyJson(report))
  else if (report.isValid) process.stdout.write(renderConfig(report))
  else process.stderr.write(report.problems.map(({ message }) => `${message}\n`).join(''))
  if (!report.isValid) process.exitCode = 2
}

async function reportOn(file: string, options: RouterOptions): Promise<ConfigReport> {
  const { readConfigFile } = await import('../../io/config_file.ts')
  const { config, problems } = await readConfigFile(file)
  const { settings, warnings, errors } =
    problems.length > 0 ? { settings: [], warnings: [], errors: problems } : await tryOut(config, options)
  const { file: _, models = [], serve: __, ...rest } = config
  const settled = ['pair', 'strategy', 'checkpoint', 'threshold', 'isThresholdAuto', 'strongPct', 'policy']
  return {
    version: 1,
    file: relative(process.cwd(), file),
    isValid: errors.length === 0,
    problems: errors.map(problemOf),
    warnings,
    settings,
    models: errors.length > 0 ? [] : models.map(shownModel),
    options:
      errors.length > 0 ? {} : Object.fromEntries(Object.entries(rest).filter(([key]) => !settled.includes(key))),
  }
}

/** Opens what the configuration asks for, and every policy that it has options of: only they know whether these fit its models. */
async function tryOut(
  { file, models, policyOptions = {}, isThresholdAuto, serve }: Config,
  options: RouterOptions,
): Promise<{ settings: Setting[]; warnings: string[]; errors: Error[] }> {
  const found = new Map<string, Error>()
  const attempt = async <T>(open: () => Promise<T>, policy?: string): Promise<T | undefined> => {
    try {
      return await open()
    } catch (error) {
      if (exitCodeOf(error) !== 2) throw error
      const told = error as Error
      // Each block is tried by itself too, and what is wrong with it may have stopped the policy that asks it.
      found.set(told.message, policy === undefined ? told : await placedInBlock(file!, policy, told))
      return undefined
    }
  }
  // Where traffic will say which threshold gives the share, any will do to begin with.
  const router = await attempt(() => createRouter(options, isThresholdAuto ? { start: 0.5 } : {}))
  const { policy: given, policyOptions: flags, ...others } = options
  const { shadow, keys } = (serve ?? {}) as Partial<ServeSettings>
  for (const policy of new Set([...Object.keys(policyOptions), ...(shadow === undefined ? [] : [shadow])])) {
    if (policy === router?.policyId) continue
    const isFlagged = policy === given && flags !== undefined
    if (!isFlagged) await attempt(() => createRouter({ ...others, policy }), policy)
  }
  const errors = inOrder([...found.values()])
  const settings = router ? settingsOf(await gatherOptions(options)) : []
  const isSettled = (wanted: string) => settings.some(({ key }) => key === wanted)
  const followed: Setting[] = router
    ? [
        { key: 'policy', value: router.policyId, from: 'default' },
        { key: 'strategy', value: router.strategyId, from: isSettled('checkpoint') ? 'checkpoint' : 'default' },
        { key: 'threshold', value: router.threshold, from: isSettled('strong_pct') ? 'strong_pct' : 'default' },
        { key: 'strong', value: router.pair?.strong.id, from: 'checkpoint' },
        { key: 'weak', value: router.pair?.weak.id, from: 'checkpoint' },
      ]
    : []
  const warnings = [router && strangePair(router, models), unpricedBudgets(keys, models)]
  return {
    warnings: warnings.filter(warning => warning !== undefined),
    settings: [...settings, ...followed.filter(({ key, value }) => value !== undefined && !isSettled(key))],
    errors,
  }
}

/** By place in the file; first those that have none. */
function inOrder(errors: readonly Error[]): Error[] {
  const placeOf = (error: Error) => {
    const { line = 0, column = 0 } = error as { line?: number; column?: number }
    return line * 1e6 + column
  }
  return errors.toSorted((a, b) => placeOf(a) - placeOf(b))
}

function problemOf(error: Error): ConfigReport['problems'][number] {
  const { file = null, line = null, column = null } = error as { file?: string; line?: number; column?: number }
  return { file, line, column, message: error.message }
}
