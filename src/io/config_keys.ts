import { UsageError } from '../errors.ts'
import { printable, unknownName } from '../registry.ts'
import { findConfig } from './config.ts'
import { saveEdits } from './config_save.ts'

/** A client's key, as it goes into the configuration. */
export interface NewClientKey {
  readonly name: string
  readonly sha256: string
  readonly rateLimit?: number
  readonly dailyBudget?: number
}

/**
 * Adds a client's key to `serve.keys` of the configuration; all else in it stays. Returns its path.
 * @throws UsageError where there is no configuration, or the name is taken; DataError where it is no YAML or cannot be written.
 */
export async function saveClientKey(
  { name, sha256, rateLimit, dailyBudget }: NewClientKey,
  path?: string,
): Promise<string> {
  const file = configOf(path, 'add')
  await saveEdits(file, content => {
    const names = namesIn(content)
    if (names.includes(name)) {
      throw new UsageError(
        `keys add: expected a new name, got ${name}, which has a key in ${file}. Take it out with llmroute keys remove ${name}.`,
      )
    }
    const value = {
      name,
      sha256,
      ...(rateLimit === undefined ? {} : { rate_limit: rateLimit }),
      ...(dailyBudget === undefined ? {} : { daily_budget: dailyBudget }),
    }
    return [{ path: ['serve', 'keys', names.length], value }]
  })
  return file
}

/**
 * Takes the keys of a client out of the configuration; all else in it stays. Returns its path, and how many keys it still has.
 * @throws UsageError where there is no configuration, or the name has no key; DataError where it is no YAML or cannot be written.
 */
export async function removeClientKey(
  name: string,
  path?: string,
): Promise<{ readonly file: string; readonly left: number }> {
  const file = configOf(path, 'remove')
  let left = 0
  await saveEdits(file, content => {
    const names = namesIn(content)
    if (names.length === 0) {
      throw new UsageError(`keys remove: expected the name of a key, got "${printable(name)}": ${file} has no keys.`)
    }
    if (!names.includes(name)) throw unknownName('key', name, names)
    left = names.filter(other => other !== name).length
    // From behind, so that the places of the others stay what they are.
    const places = names.flatMap((other, place) => (other === name ? [place] : [])).reverse()
    return places.map(place => ({ path: ['serve', 'keys', place], value: undefined }))
  })
  return { file, left }
}

function configOf(path: string | undefined, action: string): string {
  const file = findConfig(path)
  if (file !== undefined) return file
  throw new UsageError(`keys ${action}: expected llmroute.yaml, got none. llmroute init writes one.`)
}

function namesIn({ serve }: Readonly<Record<string, unknown>>): readonly string[] {
  const { keys } = (serve ?? {}) as { keys?: unknown }
  return Array.isArray(keys) ? keys.map(key => String((key as { name?: unknown } | null)?.name)) : []
}
