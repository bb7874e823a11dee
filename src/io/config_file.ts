import { dirname, isAbsolute, resolve } from 'node:path'
import { DataError } from '../errors.ts'
import { policies } from '../policies/registry.ts'
import { didYouMean } from '../registry.ts'
import { v } from '../schema.ts'
import { isEndpoint } from '../strategies/label_endpoint.ts'
import type { Config } from './config.ts'
import { type ConfigDocument, type Path, readDocument } from './config_document.ts'
import { modelOf } from './config_models.ts'
import { named, understood } from './config_problems.ts'
import { configSchema, policiesWithBlock, type Settings } from './config_schema.ts'
import { safelyPrintable } from './config_secrets.ts'

/** What a file says, and everything that is wrong with it, in the order of the file. The configuration counts only where nothing is. */
export async function readConfigFile(
  file: string,
): Promise<{ readonly config: Config; readonly problems: readonly DataError[] }> {
  try {
    const document = await readDocument(file)
    const content = document.content
    if (typeof content !== 'object' || content === null || Array.isArray(content)) {
      throw document.problemAt(
        [],
        `expected keys and values, got ${Array.isArray(content) ? 'a list' : typeof content}.`,
      )
    }
    const raw = structuredClone(content) as Record<string, unknown>
    const { output, problems } = understood(configSchema(await blockSchemas(content)), content, document)
    const found = [...document.problems, ...problems]
    const config = configOf(file, output as Settings, raw, document, found)
    return { config, problems: inOrder(found) }
  } catch (error) {
    if (error instanceof DataError) return { config: {}, problems: [error] }
    throw error
  }
}

/** By place; of several at one place the first. */
function inOrder(problems: readonly DataError[]): DataError[] {
  const placeOf = ({ line = 0, column = 0 }: DataError) => line * 1e6 + column
  const places = new Set<number>()
  return problems
    .filter(problem => !places.has(placeOf(problem)) && places.add(placeOf(problem)))
    .sort((a, b) => placeOf(a) - placeOf(b))
}

/** Policy id → schema of its block: of those that the file has, the policy's own. */
async function blockSchemas(content: object): Promise<Record<string, v.GenericSchema>> {
  const ids = policiesWithBlock()
  const schemaOf = async (id: string) =>
    ((await policies[id]!.load()).options as v.GenericSchema | undefined) ?? v.strictObject({})
  return Object.fromEntries(
    await Promise.all(ids.map(async id => [id, Object.hasOwn(content, id) ? await schemaOf(id) : v.unknown()])),
  )
}

function configOf(
  file: string,
  settings: Settings,
  raw: Readonly<Record<string, unknown>>,
  { problemAt }: ConfigDocument,
  problems: DataError[],
): Config {
  const report = (path: Path, message: string, where?: 'key' | 'value') =>
    problems.push(problemAt(path, `${named(path)}${message}`, where))
  const models = Object.entries(settings.models ?? {}).map(([id, of]) =>
    modelOf(id, of ?? {}, (path, message, where) => report(['models', id, ...path], message, where)),
  )
  const checkId = (id: string, path: Path) => {
    const ids = Object.keys(raw.models ?? {})
    if (!settings.models || ids.includes(id)) return
    report(path, `Unknown model "${safelyPrintable(id)}".${didYouMean(id, ids)} Available: ${ids.join(', ')}.`)
  }
  const { pair, fallback, threshold, strong_pct } = settings
  if (pair) {
    checkId(pair.strong, ['pair', 'strong'])
    checkId(pair.weak, ['pair', 'weak'])
    if (pair.strong === pair.weak)
      report(['pair', 'weak'], `expected another model than strong, got ${safelyPrintable(pair.weak)} twice.`)
  }
  for (const [i, id] of (fallback ?? []).entries()) checkId(id, ['fallback', i])
  if (typeof threshold === 'number' && strong_pct !== undefined) {
    report(['strong_pct'], 'expected threshold or strong_pct, got both. Leave one out.')
  }
  const names = (settings.serve?.keys ?? []).map(({ name }) => name)
  for (const [i, name] of names.entries()) {
    // Rates, budgets and metrics of both would be one.
    if (names.indexOf(name) < i)
      report(['serve', 'keys', i, 'name'], `expected a name of its own, got ${safelyPrintable(name)} twice.`)
  }
  const fromFile = (path: string) => (isAbsolute(path) || isEndpoint(path) ? path : resolve(dirname(file), path))
  const { cache, log } = settings
  const parts = {
    file,
    models: settings.models && models,
    pair,
    strategy: settings.strategy,
    checkpoint: settings.checkpoint && fromFile(settings.checkpoint),
    checkpointSha256: settings.checkpoint_sha256,
    threshold: threshold === 'auto' ? undefined : threshold,
    isThresholdAuto: threshold === 'auto' ? true : undefined,
    strongPct: strong_pct,
    policy: settings.policy,
    policyOptions: policyOptions(raw, fromFile),
    fallback,
    retry: camelCased(settings.retry),
    timeouts: camelCased(settings.timeouts),
    breaker: camelCased(settings.breaker),
    cache: camelCased(cache && { ...cache, ...(cache.folder === undefined ? {} : { folder: fromFile(cache.folder) }) }),
    maxConcurrency: settings.max_concurrency,
    rateLimit: settings.rate_limit,
    log: log && { ...log, ...(log.file === undefined ? {} : { file: fromFile(log.file) }) },
    serve: raw.serve as Config['serve'],
  }
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as Config
}

/** The blocks of policies, with the paths of their checkpoints counted from the file. */
function policyOptions(
  raw: Readonly<Record<string, unknown>>,
  fromFile: (path: string) => string,
): Record<string, unknown> | undefined {
  const ids = policiesWithBlock()
  const blocks = Object.entries(raw).filter(([id]) => ids.includes(id))
  const resolved = blocks.map(([id, block]) => {
    const { checkpoint } = (block ?? {}) as { checkpoint?: unknown }
    return [id, typeof checkpoint === 'string' ? { ...(block as object), checkpoint: fromFile(checkpoint) } : block]
  })
  return resolved.length > 0 ? Object.fromEntries(resolved) : undefined
}

function camelCased(settings: object | undefined): Record<string, unknown> | undefined {
  if (!settings) return undefined
  const camel = (key: string) => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  return Object.fromEntries(Object.entries(settings).map(([key, value]) => [camel(key), value]))
}
