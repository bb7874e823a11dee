import { type Preset, presets } from '../../src/io/presets.ts'

/** What is read here of a JSON Schema. */
interface Schema {
  readonly type?: string
  readonly const?: string
  readonly default?: unknown
  readonly description?: string
  readonly enum?: readonly string[]
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
  readonly items?: Schema
}

/** A passage of a page that is written by a test: what stands between `<!-- NAME -->` and `<!-- /NAME -->`. */
export function withPassage(page: string, name: string, text: string): string {
  return page.replace(
    new RegExp(`(?<=<!-- ${name} -->\n)[\\s\\S]*?(?=<!-- /${name} -->)`),
    () => `\n${text.trimEnd()}\n\n`,
  )
}

/** Every key of a schema in tables: the top level without `except`, then a table for each block. */
export function keyTables(schema: Schema, except: readonly string[] = []): string {
  const own = Object.entries(schema.properties ?? {}).filter(([key]) => !except.includes(key))
  return tablesOf('', Object.fromEntries(own)).join('\n\n')
}

/** The blocks of these names, in their order. */
export function blockTables(schema: Schema, names: readonly string[]): string {
  return names
    .flatMap(name => {
      const found = blockOf(schema.properties?.[name] ?? {})
      return found ? tablesOf(`${name}${found.suffix}`, found.block.properties) : []
    })
    .join('\n\n')
}

function tablesOf(path: string, keys: Schema['properties'] = {}): string[] {
  const entries = Object.entries(keys)
  if (entries.length === 0) return []
  const rows = entries.map(([key, value]) => `| \`${key}\` | ${kindOf(key, value)} | ${sentenceOf(value)} |`)
  const title = path === '' ? '' : `**\`${path}\`**\n\n`
  const inner = entries.flatMap(([key, value]) => {
    const found = isRange(value) ? undefined : blockOf(value)
    return found ? tablesOf(`${path === '' ? '' : `${path}.`}${key}${found.suffix}`, found.block.properties) : []
  })
  return [`${title}| key | | |\n|---|---|---|\n${rows.join('\n')}`, ...inner]
}

/** Providers: what `provider: ID` fills in. */
export function presetTable(): string {
  const row = ([id, { title, baseUrl, keyVariable, keyHeader }]: [string, Preset]) =>
    `| \`${id}\` | ${title} | \`${baseUrl}\` | ${keyVariable ? `\`${keyVariable}\`` : 'none'}${keyHeader ? `, in the header \`${keyHeader}\`` : ''} |`
  return `| \`provider\` | | \`base_url\` | key from |\n|---|---|---|---|\n${Object.entries(presets).map(row).join('\n')}`
}

/** The block that a value is, or holds for every entry. */
function blockOf(value: Schema): { block: Schema; suffix: string } | undefined {
  if (value.properties) return { block: value, suffix: '' }
  const entry = typeof value.additionalProperties === 'object' ? value.additionalProperties : undefined
  for (const [inner, suffix] of [
    [entry, '.ID'],
    [value.items, '[]'],
  ] as const) {
    const block = inner?.properties ? inner : inner?.anyOf?.find(({ properties }) => properties)
    if (block) return { block, suffix }
  }
  // Where a list is the short form of a block, the block says more.
  const block = value.anyOf?.find(({ properties }) => properties)
  return block && { block, suffix: '' }
}

function isRange({ properties = {} }: Schema): boolean {
  return Object.keys(properties).join() === 'gte,gt,lte,lt'
}

/** Keys whose values `llmroute list` and the tables above show. */
const LISTED = ['policy', 'strategy', 'provider']

function kindOf(key: string, value: Schema): string {
  const { type, anyOf, items, additionalProperties, description = '' } = value
  if (TIME.test(description)) return 'time'
  if (SIZE.test(description)) return 'size'
  if (isRange(value)) return 'range: `gte`, `gt`, `lte`, `lt`'
  const list = anyOf?.find(({ items }) => items?.enum)
  if (list) return `one or a list of ${kindOf(key, list.items!)}${anyOf!.some(isBoolean) ? ', or true or false' : ''}`
  if (value.enum) return LISTED.includes(key) ? 'id' : value.enum.map(choice => `\`${choice}\``).join(', ')
  if (value.const !== undefined) return `\`${value.const}\``
  if (anyOf) return [...new Set(anyOf.map(one => kindOf(key, one)))].join(' or ')
  if (type === 'array')
    return items?.enum ? `list of ${kindOf(key, items)}` : `list of ${items?.type === 'string' ? 'texts' : 'blocks'}`
  if (type === 'object') return typeof additionalProperties === 'object' ? 'map' : 'block'
  return { string: 'text', boolean: 'true or false', integer: 'whole number' }[type ?? ''] ?? type ?? 'value'
}

function isBoolean({ type }: Schema): boolean {
  return type === 'boolean'
}

const TIME = / ?As a time such as [^.]*\./
const SIZE = / ?As a size such as [^.]*\./

function sentenceOf({ description = '', default: value }: Schema): string {
  const sentence = description.replace(TIME, '').replace(SIZE, '').trim().replaceAll('|', '\\|')
  const isSaid = value === undefined || typeof value === 'object' || value === '' || sentence.includes('Default')
  return isSaid ? sentence : `${sentence} Default ${value}.`
}
