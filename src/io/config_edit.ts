import { isDeepStrictEqual } from 'node:util'
import type { Path } from './config_document.ts'
import type { Document } from './yaml.ts'

/** A change of a YAML text: the value under a path, a scalar or what is to be added; undefined takes it out. */
export interface Edit {
  readonly path: Path
  readonly value: unknown
}

/**
 * A YAML text with changes made in it, one after the other. All else stays as it is, byte for byte; where that cannot be, as where
 * an anchor is in the way, the text is laid out anew. A map or list that gets empty goes with what was taken out of it.
 */
export async function edited(text: string, edits: readonly Edit[]): Promise<string> {
  const yaml = await import('./yaml.ts')
  const mark = text.startsWith('\ufeff') ? '\ufeff' : ''
  return mark + edits.reduce((before, edit) => editedOnce(before, edit, yaml), text.slice(mark.length))
}

type Yaml = typeof import('./yaml.ts')

/** As the parser gives it: offsets where the node begins, its value ends, and all that belongs to it ends. */
interface Node {
  readonly range: readonly [number, number, number]
  readonly flow?: boolean
  readonly items?: readonly (Node | Pair)[]
  readonly value?: unknown
}

interface Pair {
  readonly key: Node
  readonly value: Node | null
}

function editedOnce(text: string, { path, value }: Edit, yaml: Yaml): string {
  const document = yaml.parseDocument(text)
  if (value === undefined && !document.hasIn(path)) return text
  const whole = value === undefined ? emptied(document, path) : path
  const anew = laidOut(yaml.parseDocument(text), whole, value)
  const spliced =
    value === undefined ? without(text, document, whole, yaml) : withValue(text, document, whole, value, yaml)
  if (spliced !== undefined) {
    const check = yaml.parseDocument(spliced)
    if (check.errors.length === 0 && isDeepStrictEqual(check.toJS() ?? {}, anew.toJS() ?? {})) return spliced
  }
  return anew.toString()
}

/** The path of the outermost thing that would have nothing in it. */
function emptied(document: Document, path: Path): Path {
  let whole = path
  while (whole.length > 1 && (document.getIn(whole.slice(0, -1)) as Node | undefined)?.items?.length === 1) {
    whole = whole.slice(0, -1)
  }
  return whole
}

function laidOut(document: Document, path: Path, value: unknown): Document {
  if (value === undefined) {
    document.deleteIn(path)
    return document
  }
  for (let depth = 1; depth < path.length; depth++) {
    if (document.getIn(path.slice(0, depth)) === null) document.deleteIn(path.slice(0, depth))
  }
  document.setIn(path, value)
  return document
}

function withValue(text: string, document: Document, path: Path, value: unknown, yaml: Yaml): string | undefined {
  const line = text.includes('\r\n') ? '\r\n' : '\n'
  const write = (content: unknown, isFlow = false) =>
    yaml
      .stringify(content, { lineWidth: 0, ...(isFlow ? { collectionStyle: 'flow' } : {}) })
      .trimEnd()
      .replaceAll('\n', line)
  const splice = (from: number, to: number, piece: string) => text.slice(0, from) + piece + text.slice(to)
  let above: Node | undefined
  let pair: Pair | undefined
  let node = document.contents as unknown as Node | null
  let depth = 0
  while (depth < path.length && node?.items) {
    const item = itemOf(node, path[depth]!, yaml)
    if (!item) return inserted(node, path[depth]!, wrapped(path.slice(depth + 1), value))
    above = node
    pair = 'key' in item ? item : undefined
    node = pair ? pair.value : (item as Node)
    depth++
  }
  if (!node) return document.contents ? undefined : appended(wrapped(path, value))
  if (depth === path.length) return node.items ? undefined : splice(node.range[0], node.range[1], write(value))
  // A key without a value gets one, before the comment behind it.
  if (node.value !== null || !pair || above!.flow) return undefined
  const [start, end] = pair.key.range
  const piece = write({ [path[depth - 1]!]: wrapped(path.slice(depth), value) })
  const column = start - text.lastIndexOf('\n', start - 1) - 1
  return splice(start, end + text.slice(end, node.range[1]).trimEnd().length, indented(piece, column))

  function appended(content: unknown): string {
    return splice(text.length, text.length, `${text === '' || text.endsWith('\n') ? '' : line}${write(content)}${line}`)
  }

  function inserted({ items = [], flow, range }: Node, key: string | number, content: unknown): string | undefined {
    const isList = typeof key === 'number'
    const last = items.at(-1)
    if (flow) {
      const written = write(isList ? [content] : { [key]: content }, true)
      if (!last) return splice(range[0], range[1], written)
      const end = valueEnd(last)
      return splice(end, end, `, ${written.slice(1, -1).trim()}`)
    }
    const end = endOf(last!)
    const start = startOf(items[0]!)
    const before = text.slice(text.lastIndexOf('\n', start - 1) + 1, start)
    const column = isList ? before.search(/- +$/) : before.length
    const piece = indented(write(isList ? [content] : { [key]: content }), column)
    const needsLine = text[end - 1] !== '\n'
    return splice(end, end, `${needsLine ? line : ''}${' '.repeat(Math.max(0, column))}${piece}${line}`)
  }
}

function without(text: string, document: Document, path: Path, yaml: Yaml): string | undefined {
  const above = document.getIn(path.slice(0, -1), true) as Node | undefined
  const { items = [], flow } = (path.length === 1 ? (document.contents as unknown as Node) : above) ?? {}
  const item = itemOf({ items } as unknown as Node, path.at(-1)!, yaml)
  if (!item) return undefined
  const at = items.indexOf(item)
  const start = startOf(item)
  if (!flow) return text.slice(0, text.lastIndexOf('\n', start - 1) + 1) + text.slice(endOf(item))
  const next = items[at + 1]
  const [from, to] = next ? [start, startOf(next)] : [at > 0 ? valueEnd(items[at - 1]!) : start, valueEnd(item)]
  return text.slice(0, from) + text.slice(to)
}

function itemOf({ items = [] }: Node, key: string | number, { isPair }: Yaml): Node | Pair | undefined {
  if (typeof key === 'number') return items[key]
  return items.find(item => isPair(item) && String((item.key as { value?: unknown }).value) === key)
}

function wrapped(path: Path, value: unknown): unknown {
  return path.reduceRight((content: unknown, key) => (typeof key === 'number' ? [content] : { [key]: content }), value)
}

/** All lines but the first, which stands where it stands. */
function indented(piece: string, column: number): string {
  return piece.replaceAll('\n', `\n${' '.repeat(Math.max(0, column))}`)
}

const startOf = (item: Node | Pair) => ('key' in item ? item.key : item).range[0]
const valueEnd = (item: Node | Pair) => ('key' in item ? (item.value ?? item.key) : item).range[1]

/** Behind the line on which it ends. */
function endOf(item: Node | Pair): number {
  const { range } = 'key' in item ? (item.value ?? item.key) : item
  return Math.max(range[1], range[2])
}
