import { existsSync, readFileSync } from 'node:fs'
import { UsageError } from '../errors.ts'
import { findConfig } from './config.ts'
import { writeWhole } from './write_whole.ts'

/** A client's key, as it goes into the configuration. */
export interface NewClientKey {
  readonly name: string
  readonly sha256: string
  readonly rateLimit?: number
  readonly dailyBudget?: number
}

/**
 * Adds a client's key to `serve.keys` of the configuration, keeping everything else in it, comments too. Returns its path.
 * @throws UsageError where there is no configuration, or the name is taken; DataError where it cannot be written.
 */
export async function saveClientKey(
  { name, sha256, rateLimit, dailyBudget }: NewClientKey,
  path?: string,
): Promise<string> {
  const file = findConfig(path)
  if (file === undefined || !existsSync(file)) {
    throw new UsageError('keys add: expected llmroute.yaml, got none. llmroute init writes one.')
  }
  const { parseDocument } = await import('./yaml.ts')
  const document = parseDocument(readFileSync(file, 'utf8'))
  const keys = (document.toJS()?.serve?.keys ?? []) as readonly { name?: unknown }[]
  if (keys.some(key => key.name === name)) {
    throw new UsageError(
      `keys add: expected a new name, got ${name}, which has a key in ${file}. Take it out there first.`,
    )
  }
  document.setIn(['serve', 'keys', keys.length], {
    name,
    sha256,
    ...(rateLimit === undefined ? {} : { rate_limit: rateLimit }),
    ...(dailyBudget === undefined ? {} : { daily_budget: dailyBudget }),
  })
  await writeWhole(file, document.toString())
  return file
}
