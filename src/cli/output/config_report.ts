import type { Config } from '../../io/config.ts'
import type { Setting, ShownModel } from '../../io/config_effect.ts'
import { renderTable } from './table.ts'

/** What `config check` found: the document that `--json` prints. */
export interface ConfigReport {
  readonly version: 1
  readonly file: string
  readonly isValid: boolean
  readonly problems: readonly {
    readonly file: string | null
    readonly line: number | null
    readonly column: number | null
    readonly message: string
  }[]
  /** What is allowed and hardly meant, as sentences. */
  readonly warnings: readonly string[]
  readonly settings: readonly Setting[]
  readonly models: readonly ShownModel[]
  /** Options of policies, calls, cache and log as the file sets them; times in milliseconds, sizes in bytes. */
  readonly options: Partial<Omit<Config, 'file' | 'models'>>
}

/** The text form of a configuration that is good. */
export function renderConfig({ file, warnings, settings, models, options }: ConfigReport): string {
  const settled = [['setting', 'value', 'by'], ...settings.map(({ key, value, from }) => [key, plain(value), from])]
  const rest = Object.entries(options).map(([key, value]) => [key, plain(value)])
  const parts = [
    [`${file} is good.\n`, ...warnings.map(warning => `Warning: ${warning}.\n`)].join(''),
    renderTable(settled, { header: true }),
    ...(models.length > 0 ? [modelTable(models)] : []),
    ...(rest.length > 0 ? [renderTable([['option', 'value'], ...rest], { header: true })] : []),
  ]
  return parts.join('\n')
}

/** Columns of what no model has are left out, after those that choosing and paying take. */
function modelTable(models: readonly ShownModel[]): string {
  const own = OWN_COLUMNS.filter(([, read]) => models.some(model => read(model) !== undefined))
  const rows = models.map(model => [...modelRow(model), ...own.map(([, read]) => read(model) ?? '')])
  const header = [...MODEL_HEADER, ...own.map(([name]) => name)]
  const right = [3, 4, 5, 6, ...own.flatMap(([name], i) => (name === 'profile' ? [] : [MODEL_HEADER.length + i]))]
  return renderTable([header, ...rows], { header: true, right })
}

const OWN_COLUMNS: readonly (readonly [string, (model: ShownModel) => string | undefined])[] = [
  ['weight', ({ weight }) => weight?.toString()],
  ['output_tokens', ({ outputTokens }) => outputTokens?.toString()],
  [
    'profile',
    ({ profile }) =>
      profile &&
      Object.entries(profile)
        .map(([name, score]) => `${name} ${score}`)
        .join(', '),
  ],
]

const MODEL_HEADER = ['model', 'called at', 'key', '$/M in', 'cached', 'out', 'context', 'can']

function modelRow({
  id,
  endpoint,
  inputPrice,
  cachedInputPrice,
  outputPrice,
  contextWindow,
  ...model
}: ShownModel): string[] {
  const abilities = [
    ...(model.tools ? ['tools'] : []),
    ...(model.vision ? ['images'] : []),
    ...(model.jsonSchema ? ['json schema'] : []),
    ...(model.tags ?? []),
  ]
  const name = endpoint && endpoint.name !== id ? ` (${endpoint.name})` : ''
  const key = endpoint?.key ? `${endpoint.key.variable} ${endpoint.key.isSet ? 'set' : 'not set'}` : 'none'
  const numbers = [inputPrice, cachedInputPrice, outputPrice, contextWindow].map(value =>
    value === undefined ? '?' : String(value),
  )
  return [
    id,
    endpoint ? `${endpoint.baseUrl}${name}` : 'nowhere',
    endpoint ? key : '',
    ...numbers,
    abilities.join(', '),
  ]
}

function plain(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
