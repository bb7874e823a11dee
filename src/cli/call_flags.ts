import type { Command } from 'commander'
import { UsageError } from '../errors.ts'
import type { BodyOptions } from '../io/chat_body.ts'
import { type Config, readConfig } from '../io/config.ts'
import { environmentConfig } from '../io/router_options.ts'
import { printable } from '../registry.ts'
import { type DecisionFlags, parseCount } from './options.ts'

/** The flags of a command that calls models. */
export interface CallFlags {
  call?: boolean
  dryRun?: boolean
  ensemble?: readonly string[]
  system?: string
  maxTokens?: number
  temperature?: number
  fallback?: readonly string[]
  maxConcurrency?: number
  rateLimit?: number
  /** Milliseconds. */
  timeout?: number
  retries?: number
  /** True, or a folder; false where it is turned off. */
  cache?: boolean | string
  /** Of `batch` and `label`. */
  maxDollars?: number
}

/** What is sent, and how it is sent. */
export function addCallOptions(command: Command): Command {
  const models = (flag: string) => (text: string) => parseIds(text, flag)
  return addCallingOptions(
    command
      .option('--call', 'call the chosen model and give its answer')
      .option('--dry-run', 'print what --call would send where, and send nothing')
      .option('--ensemble <ids>', 'ask these models at once and merge: a,b,c (--policy ensemble)', models('--ensemble'))
      .option('--fallback <ids>', 'models that are called, in order, where the chosen one fails', models('--fallback')),
  )
}

/** How models are called, whoever is chosen. */
export function addCallingOptions(command: Command): Command {
  return command
    .option('--system <text>', 'system message, where the conversation has none')
    .option('--max-tokens <n>', 'tokens that an answer may have', text => parseCount(text, '--max-tokens', 1))
    .option('--temperature <number>', 'of sampling', text => parsePositive(text, '--temperature', true))
    .option('--max-concurrency <n>', 'calls under way at a time', text => parseCount(text, '--max-concurrency', 1))
    .option('--rate-limit <n>', 'calls a second', text => parsePositive(text, '--rate-limit'))
    .option('--timeout <time>', 'of one attempt: 500ms, 30s, 5m, or seconds (default: 10m)', parseTimeout)
    .option('--retries <n>', 'attempts after the first, at one model (default: 3)', text =>
      parseCount(text, '--retries', 0),
    )
    .option('--cache [folder]', 'repeat answers to the same request: in memory, or also in a folder')
    .option('--no-cache', 'ask even where llmroute.yaml turns the cache on')
}

/** Whether models are called, or shown as if they were. */
export function isCalling({ call, dryRun }: CallFlags): boolean {
  return call === true || dryRun === true
}

/** The flags that mean nothing where nothing is called; `--no-cache` means that then, too. */
const OF_CALLS = [
  'system',
  'maxTokens',
  'temperature',
  'fallback',
  'maxConcurrency',
  'rateLimit',
  'timeout',
  'retries',
  'cache',
  'maxDollars',
] as const

/** Throws UsageError where a flag says something about calls and nothing is called. */
export function requireCall(flags: CallFlags): void {
  const flag = OF_CALLS.find(name => flags[name] !== undefined && flags[name] !== false)
  if (isCalling(flags) || flag === undefined) return
  const name = flag.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
  throw new UsageError(`--${name}: expected --call beside it, got none. Nothing is called without it.`)
}

/** The flags with `--ensemble` spelled out as a policy. Throws UsageError where another policy is named. */
export async function withEnsemble<T extends DecisionFlags & CallFlags>(flags: T): Promise<T> {
  const { ensemble, policy, policyOption = [], models } = flags
  if (!ensemble) return flags
  if (policy !== undefined && policy !== 'ensemble') {
    throw new UsageError(`--ensemble: expected no other policy, got --policy ${printable(policy)}. Leave one out.`)
  }
  const isConfigured = (await readCallConfig(flags)).models !== undefined
  return {
    ...flags,
    policy: 'ensemble',
    policyOption: [...policyOption, `models=${JSON.stringify(ensemble)}`],
    // A judge may be one of the other models that are configured.
    ...(models === undefined && !isConfigured ? { models: ensemble } : {}),
  }
}

/** The configuration that a command line goes by. */
export function readCallConfig({ config }: DecisionFlags): Promise<Config> {
  return readConfig(config ?? environmentConfig())
}

/** What is asked of every model alike. */
export function bodyOptionsOf({ system, maxTokens, temperature }: CallFlags): BodyOptions {
  return {
    ...(system === undefined ? {} : { system }),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
  }
}

/** Dollars above 0. */
export function parseDollars(text: string, flag: string): number {
  return parsePositive(text, flag)
}

/** `500ms`, `30s`, `5m`, or seconds, in milliseconds. */
function parseTimeout(text: string): number {
  const [, number, unit = 's'] = /^\s*(\d+(?:\.\d+)?) ?(ms|s|m)?\s*$/.exec(text) ?? []
  const value = Number(number) * { ms: 1, s: 1000, m: 60_000 }[unit]!
  if (value > 0) return value
  throw new UsageError(`--timeout: expected a time such as 500ms, 30s or 5m, or seconds, got "${printable(text)}".`)
}

function parsePositive(text: string, flag: string, isZeroFine = false): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (value > 0 && value < Number.POSITIVE_INFINITY) return value
  if (isZeroFine && value === 0) return value
  throw new UsageError(`${flag}: expected a number ${isZeroFine ? 'from 0 up' : 'above 0'}, got "${printable(text)}".`)
}

/** `a,b,c` as a list. Throws UsageError for an empty id. */
export function parseIds(text: string, flag: string): string[] {
  const ids = text.split(',').map(id => id.trim())
  if (!ids.includes('')) return ids
  throw new UsageError(`${flag}: expected ids of models with commas between them, got "${printable(text)}".`)
}
