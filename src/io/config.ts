import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { CallSettings } from '../call_types.ts'
import { UsageError } from '../errors.ts'
import type { Model } from '../types.ts'

/** The name that is looked for. */
export const CONFIG_FILE = 'llmroute.yaml'

/** What llmroute.yaml says, checked; what it leaves out is absent. Empty where there is none. Paths are absolute. */
export interface Config extends CallSettings {
  readonly file?: string
  readonly models?: readonly Model[]
  readonly pair?: { readonly strong: string; readonly weak: string }
  readonly strategy?: string
  /** A path, or the address of an endpoint. */
  readonly checkpoint?: string
  readonly checkpointSha256?: string
  /** Absent where it is `auto`. */
  readonly threshold?: number
  /** `threshold: auto`: it follows the traffic. */
  readonly isThresholdAuto?: true
  /** Share for strong, 0..1. */
  readonly strongPct?: number
  readonly policy?: string
  /** Policy id → its block as the file has it: checked against the schema of the policy, defaults not filled in. */
  readonly policyOptions?: Readonly<Record<string, unknown>>
  /** Ids of models that are called, in order, where the chosen one fails. */
  readonly fallback?: readonly string[]
  readonly log?: LogSettings
  /** As the file has it: checked, defaults not filled in. */
  readonly serve?: Readonly<Record<string, unknown>>
}

/** Of the decision log. */
export interface LogSettings {
  readonly file?: string
  /** What stands for a prompt there. Default `hash`. */
  readonly prompts?: 'hash' | 'text'
}

/**
 * Reads the configuration at `path`, or llmroute.yaml in the working directory or the nearest one above it.
 * @throws UsageError where `path` does not exist; DataError with line and column of the first thing that is wrong.
 */
export async function readConfig(path?: string): Promise<Config> {
  const file = findConfig(path)
  if (file === undefined) return {}
  const { readConfigFile } = await import('./config_file.ts')
  const { config, problems } = await readConfigFile(file)
  const [first, ...others] = problems
  if (!first) return config
  if (others.length > 0) first.message += ` And ${others.length} more: llmroute config check lists them.`
  throw first
}

/**
 * `path`, else llmroute.yaml in the working directory or the nearest one above it, else undefined.
 * @throws UsageError where `path` does not exist.
 */
export function findConfig(path?: string): string | undefined {
  if (path === undefined) return findUpwards(process.cwd())
  if (existsSync(path)) return path
  throw new UsageError(`--config: expected a file, got none at ${path}.`)
}

function findUpwards(directory: string): string | undefined {
  const file = resolve(directory, CONFIG_FILE)
  if (existsSync(file)) return file
  const parent = dirname(directory)
  return parent === directory ? undefined : findUpwards(parent)
}
