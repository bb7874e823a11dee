import { readFileSync, statSync } from 'node:fs'
import { DataError } from '../errors.ts'
import { placesOfKeys, safelyPrintable } from './config_secrets.ts'
import { unreadable } from './file_errors.ts'
import type { Document } from './yaml.ts'

/** A megabyte of it takes the parser about half a second. */
const MOST_BYTES = 4 * 1024 * 1024
/** Names that JavaScript's objects have without being given them. */
const INHERITED = ['__proto__', 'constructor', 'prototype']

/** Keys of maps and indexes of lists, from the top. */
export type Path = readonly (string | number)[]

/** A YAML file with the places of what is in it. */
export interface ConfigDocument {
  /** Empty where it is no YAML. */
  readonly content: unknown
  readonly problems: readonly DataError[]
  /** An error at the value under a path, or at its key; where there is none, at what is nearest above it. */
  problemAt(path: Path, message: string, where?: 'key' | 'value'): DataError
}

/** Reads a file of UTF-8 with one YAML document. Throws DataError where it is none at all. */
export async function readDocument(file: string): Promise<ConfigDocument> {
  const text = readText(file)
  const { parseWithin, isAlias, isMap, isPair, isScalar, isSeq, visit } = await import('./yaml.ts')
  const { document, placeOf } = parseWithin(text)
  const at = (offset: number, message: string) => {
    const { line, col } = placeOf(offset)
    return new DataError(file, Math.max(line, 1), message, Math.max(col, 1))
  }
  const syntax = [...document.errors, ...document.warnings].map(({ code, message, pos }) =>
    at(pos[0] + Math.max(text.slice(pos[0]).search(/[^ \r\n]/), 0), `expected YAML, got ${reasonOf(code, message)}`),
  )
  const problems = syntax.length > 0 ? syntax : [...keysIn(text, at), ...inheritedNames()]
  return { content: syntax.length > 0 ? {} : toPlain(document), problems, problemAt }

  function inheritedNames(): DataError[] {
    const found: DataError[] = []
    visit(document, {
      Pair: (_, { key }) => {
        if (isScalar(key) && INHERITED.includes(String(key.value)))
          found.push(at(key.range?.[0] ?? 0, `expected another name than "${key.value}".`))
      },
    })
    return found
  }

  function toPlain({ contents }: Document): unknown {
    try {
      return document.toJS() ?? {}
    } catch (error) {
      // Aliases of aliases that would fill the memory, or one that nothing has.
      const message = safelyPrintable((error as Error).message).replace(/\.?$/, '')
      let offset = contents?.range?.[0] ?? 0
      visit(document, {
        Alias: (_, alias) => {
          if (!message.startsWith('Unresolved') || alias.resolve(document)) return undefined
          offset = alias.range?.[0] ?? offset
          return visit.BREAK
        },
      })
      throw at(offset, `expected YAML, got something else: ${message}.`)
    }
  }

  function problemAt(path: Path, message: string, where: 'key' | 'value' = 'value'): DataError {
    let node: unknown = document.contents
    let offset = document.contents?.range?.[0] ?? 0
    for (const [depth, key] of path.entries()) {
      if (isAlias(node)) node = node.resolve(document)
      const item = isMap(node)
        ? node.items.find(pair => isScalar(pair.key) && String(pair.key.value ?? '') === String(key))
        : isSeq(node)
          ? node.items[Number(key)]
          : undefined
      if (item === undefined) break
      const isKey = isPair(item) && where === 'key' && depth === path.length - 1
      node = isPair(item) && !isKey ? (item.value ?? item.key) : isPair(item) ? item.key : item
      offset = (node as { range?: readonly number[] }).range?.[0] ?? offset
    }
    return at(offset, message)
  }
}

/** The text of a file. Throws DataError for what no editor would have written. */
function readText(file: string): string {
  let bytes: Buffer
  try {
    const { size } = statSync(file)
    if (size > MOST_BYTES)
      throw new DataError(
        file,
        undefined,
        `expected a configuration of at most 4 MiB, got ${(size / 1024 / 1024).toFixed(1)} MiB.`,
      )
    bytes = readFileSync(file)
  } catch (error) {
    throw unreadable(file, error)
  }
  if (['fffe', 'feff'].includes(bytes.subarray(0, 2).toString('hex')))
    throw new DataError(file, 1, 'expected UTF-8, got UTF-16. Save it as UTF-8.', 1)
  const decoded = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  const text = decoded.replace(/^\ufeff/, '')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  const control = text.search(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/)
  if (control >= 0)
    throw located(control, `expected text, got a control character (code ${text.charCodeAt(control)}). Take it out.`)
  if (!bytes.equals(Buffer.from(decoded)))
    throw located(text.indexOf('\ufffd'), 'expected UTF-8, got bytes that are none. Save it as UTF-8.')
  return text

  function located(offset: number, message: string): DataError {
    const before = text.slice(0, offset).split('\n')
    return new DataError(file, before.length, message, before.at(-1)!.length + 1)
  }
}

/** Places of what looks like a key, comments included: whoever can read the file has it. */
function keysIn(text: string, at: (offset: number, message: string) => DataError): DataError[] {
  return placesOfKeys(text).map(offset =>
    at(
      offset,
      'expected no key in the file, got what looks like one (not shown). Put it into an environment variable and give the name of that (api_key_env: OPENAI_API_KEY); if others can read the file, have the key replaced.',
    ),
  )
}

function reasonOf(code: string, message: string): string {
  if (code === 'RESOURCE_EXHAUSTION') return 'lists or maps nested too deeply (200 levels).'
  if (code === 'DUPLICATE_KEY') return 'a key twice. Leave one out.'
  if (code === 'TAB_AS_INDENT') return 'a tab as indentation. Use spaces.'
  if (code === 'MULTIPLE_DOCS') return 'several documents (---). Leave one.'
  if (code === 'BAD_INDENT' && message.startsWith('Flow ')) return 'a [ or { that is not closed. Close it.'
  // The place stands before the message already.
  const [sentence = ''] = message.split(/ at line \d+, column \d+:|\n/, 1)
  return `something else: ${safelyPrintable(sentence).replace(/\.?$/, '')}.`
}
