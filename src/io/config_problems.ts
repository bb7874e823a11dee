import type { DataError } from '../errors.ts'
import { didYouMean } from '../registry.ts'
import { v } from '../schema.ts'
import type { ConfigDocument, Path } from './config_document.ts'
import { isSecretName, safelyPrintable } from './config_secrets.ts'

type Issue = v.BaseIssue<unknown>

/** Text of one value in a message. */
const MOST_SHOWN = 60

/**
 * A value as a schema says, with everything that is wrong in it. What is wrong is left out, so that the rest can be looked at.
 * @param value changed: loses what is wrong.
 */
export function understood<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  { problemAt }: ConfigDocument,
): { readonly output: v.InferOutput<S>; readonly problems: readonly DataError[] } {
  const problems: DataError[] = []
  // A schema names one unknown key of an object at a time, and says nothing about what stands behind what is wrong.
  for (;;) {
    const result = v.safeParse(schema, value)
    if (result.success) return { output: result.output, problems }
    for (const issue of result.issues.flatMap(mostSpecific)) {
      const path = pathOf(issue)
      problems.push(
        isUnknownKey(issue)
          ? problemAt(path, unknownKey(path, keysAt(schema, path.slice(0, -1))), 'key')
          : problemOf(issue, problemAt),
      )
      takeOut(value, path)
    }
  }
}

/** `models.a.vision` and the like, for the front of a message; '' at the top. */
export function named(path: Path): string {
  return path.length === 0 ? '' : `${path.map(key => safelyPrintable(String(key))).join('.')}: `
}

/** Of alternatives that all fail, those that failed deepest within the value, where the schema does not say it all itself. */
function mostSpecific(issue: Issue): Issue[] {
  if (!issue.issues || !issue.message.startsWith('Invalid ')) return [issue]
  const inner = issue.issues.flatMap(mostSpecific)
  const deepest = Math.max(...inner.map(({ path }) => path?.length ?? 0))
  if (deepest === 0) return [issue]
  return inner
    .filter(({ path }) => path?.length === deepest)
    .map(found => ({ ...found, path: [...(issue.path ?? []), ...(found.path ?? [])] }) as unknown as Issue)
}

function isUnknownKey({ type, expected, message, path }: Issue): boolean {
  return (
    type === 'strict_object' &&
    expected === 'never' &&
    message.startsWith('Invalid ') &&
    !Array.isArray(path?.at(-1)?.input)
  )
}

/** Takes out what stands under a path, or what holds it where that is a list or nothing stands there. */
function takeOut(value: unknown, path: Path): void {
  const parents = [value]
  for (const key of path) parents.push(under(parents.at(-1), key))
  let depth = path.length - 1
  while (depth > 0 && (parents[depth + 1] === undefined || Array.isArray(parents[depth]))) depth--
  const holder = parents[depth]
  if (typeof holder === 'object' && holder !== null) delete (holder as Record<string, unknown>)[path[depth]!]
}

function under(holder: unknown, key: string | number): unknown {
  return typeof holder === 'object' && holder !== null && Object.hasOwn(holder, key)
    ? (holder as Record<string, unknown>)[key]
    : undefined
}

function unknownKey(path: Path, available: readonly string[]): string {
  const key = String(path.at(-1))
  const isKeyValue = /^(api_?)?(key|token|secret)$/i.test(key) && available.includes('api_key_env')
  const advice = isKeyValue ? ' Keys never stand in the file: name the environment variable that holds it.' : ''
  return `${named(path.slice(0, -1))}unknown key "${safelyPrintable(key)}".${didYouMean(key, available)}${advice} Available: ${available.join(', ') || 'none'}.`
}

function problemOf(issue: Issue, problemAt: ConfigDocument['problemAt']): DataError {
  const last = issue.path?.at(-1)
  const isList = last?.type === 'object' && Array.isArray(last.input)
  // What an object lacks, or that it is a list, is told where the object stands.
  const isWhole =
    issue.type === 'strict_object' && last?.origin === 'key' && (isList || !issue.message.startsWith('Invalid '))
  const path = isWhole ? pathOf(issue).slice(0, -1) : pathOf(issue)
  const value = isWhole ? last.input : issue.input
  return problemAt(path, `${named(path)}${sentence(issue, value, path, isList)}`)
}

function sentence(issue: Issue, value: unknown, path: Path, isList: boolean): string {
  if (issue.type === 'picklist') {
    const options = optionsOf(issue)
    const advice = typeof value === 'string' ? didYouMean(value, options) : ''
    return `expected one of ${options.join(', ')}, got ${shown(value, path)}.${advice}`
  }
  const isOwn = !issue.message.startsWith('Invalid ')
  if (isOwn && (!issue.message.startsWith('expected ') || issue.message.includes(', got '))) {
    return issue.message.replace(/\.?$/, '.')
  }
  const expected = isOwn ? issue.message : `expected ${isList ? 'keys and values' : wording(issue.expected)}`
  return `${expected}, got ${shown(value, path)}.`
}

/** Valibot's names of types, as words. */
function wording(expected: string | null): string {
  const words: Record<string, string> = {
    Object: 'keys and values',
    Array: 'a list',
    string: 'text',
    boolean: 'true or false',
    number: 'a number',
  }
  return (expected ?? 'another value').replace(/\b(Object|Array|string|boolean|number)\b/g, word => words[word]!)
}

/** A picklist's issue says its options as `("a" | "b")` alone. */
function optionsOf({ expected }: Issue): string[] {
  return [...(expected ?? '').matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, option]) => option!)
}

/** A value in a message: nothing that may be a key, and no more than a line. */
function shown(value: unknown, path: Path): string {
  if (value === undefined || value === null) return 'nothing'
  if (typeof value === 'object' && !Array.isArray(value)) return safelyPrintable(`{ ${Object.keys(value).join(', ')} }`)
  if (typeof value === 'number') return String(value)
  if (typeof value !== 'boolean' && path.some(key => isSecretName(String(key)))) return 'something else (not shown)'
  const text = JSON.stringify(value)
  return Array.isArray(value) && (text.length > MOST_SHOWN || text.includes('{')) ? 'a list' : safelyPrintable(text)
}

function pathOf({ path }: Issue): Path {
  return (path ?? []).map(({ key }) => key as string | number)
}

/** The parts of a schema that lead to another. */
interface Part {
  readonly entries?: Readonly<Record<string, Part>>
  readonly wrapped?: Part
  readonly value?: Part
  readonly item?: Part
  readonly options?: readonly Part[]
}

/** Keys that an object under a path may have. */
function keysAt(schema: v.GenericSchema, path: Path): string[] {
  let parts: Part[] = [schema as Part]
  const opened = (part: Part): Part[] =>
    part.wrapped ? opened(part.wrapped) : Array.isArray(part.options) ? part.options.flatMap(opened) : [part]
  for (const key of path) {
    parts = parts.flatMap(opened).flatMap(({ entries, value, item }) => {
      const next = entries && Object.hasOwn(entries, key) ? entries[key] : (value ?? item)
      return next ? [next] : []
    })
  }
  return [...new Set(parts.flatMap(opened).flatMap(({ entries }) => Object.keys(entries ?? {})))]
}
