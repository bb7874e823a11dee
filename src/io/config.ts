import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, isAbsolute, relative, resolve } from 'node:path'
import { DataError, UsageError } from '../errors.ts'
import { didYouMean, printable } from '../registry.ts'
import { isEndpoint } from '../strategies/label_endpoint.ts'
import type { Model } from '../types.ts'
import { unwritable } from './file_errors.ts'

const FILE = 'llmroute.yaml'
/** Keys of the design that this version does not act on: better refused than passed over. */
const LATER = ['policy', 'server']
const KEYS = ['models', 'pair', 'strategy', 'checkpoint', 'checkpoint_sha256', 'threshold', 'strong_pct']

/** What llmroute.yaml says. Empty where there is none. */
export interface Config {
  readonly file?: string
  readonly models?: readonly Model[]
  readonly pair?: { readonly strong: string; readonly weak: string }
  readonly strategy?: string
  /** Absolute path. */
  readonly checkpoint?: string
  readonly checkpointSha256?: string
  readonly threshold?: number
  /** Share for strong, 0..1. */
  readonly strongPct?: number
}

/** What `calibrate --save` writes. */
export interface Calibrated {
  readonly strategy: string
  readonly threshold: number
  /** Absent where it was not asked for another pair than the checkpoint's. */
  readonly pair?: { readonly strong: string; readonly weak: string }
  /** Absent where the strategy has no weights. */
  readonly checkpoint?: { readonly file: string; readonly sha256: string; readonly isShipped: boolean }
}

/**
 * Reads the configuration at `path`, or llmroute.yaml in the working directory or the nearest one above it.
 * @throws UsageError where `path` does not exist; DataError with the line where it cannot be understood.
 */
export async function readConfig(path?: string): Promise<Config> {
  if (path !== undefined && !existsSync(path)) throw new UsageError(`--config: expected a file, got none at ${path}.`)
  const file = path ?? findUpwards(process.cwd())
  if (file === undefined) return {}
  const { parseDocument, LineCounter } = await import('./yaml.ts')
  const lines = new LineCounter()
  const document = parseDocument(readFileSync(file, 'utf8'), { lineCounter: lines })
  const [problem] = document.errors
  if (problem)
    throw new DataError(
      file,
      lines.linePos(problem.pos[0]).line,
      `expected YAML, got ${problem.message.split('\n')[0]}`,
    )
  const content: unknown = document.toJS() ?? {}
  const lineOf = (key: string) => {
    const { range } = (document.get(key, true) ?? {}) as { range?: [number, number, number] }
    return range ? lines.linePos(range[0]).line : undefined
  }
  return understand(content, file, lineOf)
}

/** Writes threshold, strategy and checkpoint into the configuration, keeping everything else in it, comments too. Returns its path. */
export async function saveCalibration(calibrated: Calibrated, path?: string): Promise<string> {
  const file = path ?? findUpwards(process.cwd()) ?? resolve(FILE)
  const { parseDocument } = await import('./yaml.ts')
  const document = parseDocument(existsSync(file) ? readFileSync(file, 'utf8') : '{}\n')
  if (document.contents && 'flow' in document.contents) document.contents.flow = false
  document.set('strategy', calibrated.strategy)
  document.set('threshold', calibrated.threshold)
  document.delete('strong_pct')
  if (calibrated.pair) document.set('pair', document.createNode(calibrated.pair))
  const { checkpoint } = calibrated
  if (checkpoint && !checkpoint.isShipped) {
    const isPath = !isEndpoint(checkpoint.file)
    document.set('checkpoint', isPath ? relative(dirname(resolve(file)), resolve(checkpoint.file)) : checkpoint.file)
  } else document.delete('checkpoint')
  if (checkpoint) document.set('checkpoint_sha256', checkpoint.sha256)
  else document.delete('checkpoint_sha256')
  try {
    writeFileSync(`${file}.partial`, document.toString())
    renameSync(`${file}.partial`, file)
  } catch (error) {
    throw unwritable(file, error)
  }
  return file
}

function findUpwards(directory: string): string | undefined {
  const file = resolve(directory, FILE)
  if (existsSync(file)) return file
  const parent = dirname(directory)
  return parent === directory ? undefined : findUpwards(parent)
}

function understand(content: unknown, file: string, lineOf: (key: string) => number | undefined): Config {
  const fail = (key: string, expected: string) =>
    new DataError(
      file,
      lineOf(key),
      `${key}: expected ${expected}, got ${printable(JSON.stringify((content as Record<string, unknown>)[key]))}.`,
    )
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new DataError(file, 1, `expected keys and values, got ${Array.isArray(content) ? 'a list' : typeof content}.`)
  }
  const values = content as Record<string, unknown>
  for (const key of Object.keys(values)) {
    if (LATER.includes(key))
      throw new DataError(
        file,
        lineOf(key),
        `${key}: expected a key of this version, got one of a later. Leave it out.`,
      )
    if (!KEYS.includes(key))
      throw new DataError(
        file,
        lineOf(key),
        `unknown key "${printable(key)}".${didYouMean(key, KEYS)} Available: ${KEYS.join(', ')}.`,
      )
  }
  const text = (key: string) => {
    const value = values[key]
    if (value === undefined || typeof value === 'string') return value
    throw fail(key, 'text')
  }
  const number = (key: string, least: number, most: number, expected: string) => {
    const value = values[key]
    if (value === undefined || (typeof value === 'number' && value >= least && value <= most)) return value
    throw fail(key, expected)
  }
  const pair = values.pair as Config['pair']
  if (pair !== undefined && !(typeof pair?.strong === 'string' && typeof pair?.weak === 'string'))
    throw fail('pair', '{ strong: ID, weak: ID }')
  const checkpoint = text('checkpoint')
  const parts = {
    file,
    models:
      values.models === undefined ? undefined : understandModels(values.models, message => fail('models', message)),
    pair,
    strategy: text('strategy'),
    checkpoint:
      checkpoint === undefined || isAbsolute(checkpoint) || isEndpoint(checkpoint)
        ? checkpoint
        : resolve(dirname(file), checkpoint),
    checkpointSha256: text('checkpoint_sha256'),
    threshold: number('threshold', Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 'a number'),
    strongPct: number('strong_pct', 0, 1, 'a share from 0 to 1'),
  }
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as Config
}

function understandModels(value: unknown, fail: (expected: string) => DataError): Model[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fail('model ids with their settings')
  return Object.entries(value).map(([id, settings]) => {
    if (typeof (settings ?? {}) !== 'object' || Array.isArray(settings))
      throw fail('settings in braces, or nothing, behind each model id')
    const { input_price: inputPrice, output_price: outputPrice } = (settings ?? {}) as Record<string, unknown>
    for (const price of [inputPrice, outputPrice]) {
      if (price !== undefined && !(typeof price === 'number' && price >= 0))
        throw fail('prices in dollars per million tokens')
    }
    return {
      id,
      ...(typeof inputPrice === 'number' ? { inputPrice } : {}),
      ...(typeof outputPrice === 'number' ? { outputPrice } : {}),
    }
  })
}
