import type { Command } from 'commander'
import { UsageError } from '../errors.ts'
import { type RouterOptions, routerOptionNames, shareOf } from '../io/router_options.ts'
import { printable } from '../registry.ts'

/** The flags that decide how a prompt is routed, as commander parses them. */
export interface DecisionFlags {
  strategy?: string
  checkpoint?: string
  embedder?: string
  threshold?: number
  strongPct?: number
  strong?: string
  weak?: string
  policy?: string
  policyOption?: readonly string[]
  models?: readonly string[]
  log?: string
  logPrompts?: boolean
  seed?: number
  config?: string
}

/** Adds the flags shared by every command that routes. */
export function addDecisionOptions(command: Command): Command {
  return addStrategyOptions(command)
    .option('-t, --threshold <number>', 'strong iff win rate >= threshold; Infinity sends all to weak', parseThreshold)
    .option('-p, --strong-pct <share>', 'share for strong, 0.3 or 30%, looked up in the checkpoint', text =>
      parseShare(text),
    )
}

/** Adds the flags that say which policy picks from which models. */
export function addPolicyOptions(command: Command): Command {
  return command
    .option('--policy <id>', 'what picks the model (llmroute list policies; default: threshold)')
    .option(
      '--policy-option <name=value>',
      "an option of the policy as in llmroute.yaml, as YAML; may be repeated (--policy-option 'split={a: 0.9, b: 0.1}')",
      (text: string, previous: readonly string[] = []) => [...previous, text],
    )
    .option('--models <ids>', 'models that the policy picks from: a,b,c (default: all of llmroute.yaml)', parseModels)
}

/** Adds the flags of the decision log. */
export function addLogOptions(command: Command): Command {
  return command
    .option(
      '--log <file>',
      'add every decision to this file, a line of JSON each, the prompt as a hash (llmroute replay)',
    )
    .option('--log-prompts', 'with the text of prompts and the other fields of requests')
}

/** Adds the flags that say what scores prompts, and for which models. */
export function addStrategyOptions(command: Command): Command {
  return command
    .option('-s, --strategy <id>', 'strategy that scores the prompt (llmroute list strategies)')
    .option(
      '-c, --checkpoint <file>',
      'trained weights: a file, a folder with a model, or http://HOST/v1#MODEL (default: shipped)',
    )
    .option('--strong <model>', 'id of the strong model')
    .option('--weak <model>', 'id of the weak model')
    .option('--seed <n>', 'seed of anything random (default 0)', parseSeed)
    .option('--config <file>', 'configuration (default: llmroute.yaml, looked for upwards)')
    .option('--embedder <id>', 'where the embedder of the weights is now, if its model has moved')
    .option(...OFFLINE)
    .on('option:offline', goOffline)
}

/** The flag of every command that may open a model of the hub; `goOffline` hears of it. */
export const OFFLINE = ['--offline', 'download no model; use what is cached'] as const

/** Passes `--offline` on to all threads, which inherit the environment. */
export function goOffline(): void {
  process.env.LLMROUTE_OFFLINE = '1'
}

/** The flags as plain data, which a worker can be sent. Throws UsageError where two flags contradict or one cannot be read. */
export async function routerOptions(flags: DecisionFlags): Promise<RouterOptions> {
  if (flags.threshold !== undefined && flags.strongPct !== undefined) {
    throw new UsageError('--threshold and --strong-pct: expected one of them, got both. Leave one out.')
  }
  const { policyOption, policy } = flags
  if (policyOption && policy === undefined) {
    throw new UsageError(
      '--policy-option: expected --policy beside it, got none. Name the policy that it is an option of.',
    )
  }
  const policyOptions = policyOption && (await parsePolicyOptions(policyOption))
  const given: Readonly<Record<string, unknown>> = { ...flags, policyOptions }
  return Object.fromEntries(routerOptionNames.flatMap(name => (given[name] === undefined ? [] : [[name, given[name]]])))
}

/** `name=value` with the value in YAML; a dotted name goes into a block: `split.gpt-4o=0.9`. */
async function parsePolicyOptions(texts: readonly string[]): Promise<unknown> {
  const { parseDocument } = await import('../io/yaml.ts')
  const options: Record<string, unknown> = Object.create(null)
  for (const text of texts) {
    const [name = '', ...rest] = text.split('=')
    const document = parseDocument(rest.join('='))
    if (name.trim() === '' || rest.length === 0 || document.errors.length > 0) {
      throw new UsageError(`--policy-option: expected NAME=VALUE with a value in YAML, got "${printable(text)}".`)
    }
    const path = name.trim().split('.')
    let block = options
    for (const part of path.slice(0, -1)) {
      if (typeof block[part] !== 'object' || block[part] === null) block[part] = Object.create(null)
      block = block[part] as Record<string, unknown>
    }
    block[path.at(-1)!] = document.toJS()
  }
  return structuredClone(options)
}

function parseModels(text: string): string[] {
  const models = text.split(',').map(id => id.trim())
  if (models.every(id => id !== '') && new Set(models).size === models.length) return models
  throw new UsageError(`--models: expected different ids with commas between them, got "${printable(text)}".`)
}

/** `0.57`, `Infinity`, `-Infinity`; never NaN. */
export function parseThreshold(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isNaN(value)) throw new UsageError(`--threshold: expected a number, got "${text}".`)
  return value
}

/** `0.3` or `30%`, as a fraction in 0..1. */
export function parseShare(text: string, flag = '--strong-pct'): number {
  const value = shareOf(text)
  if (Number.isNaN(value)) {
    throw new UsageError(`${flag}: expected a share from 0 to 1 or a percentage such as 30%, got "${printable(text)}".`)
  }
  return value
}

/** A whole number from 0. */
export function parseSeed(text: string): number {
  return parseCount(text, '--seed', 0)
}

/** A whole number from `least` up. */
export function parseCount(text: string, flag: string, least: number): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (!Number.isSafeInteger(value) || value < least)
    throw new UsageError(`${flag}: expected a whole number from ${least} up, got "${text}".`)
  return value
}
