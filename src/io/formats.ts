import { UsageError } from '../errors.ts'
import { unknownName } from '../registry.ts'

/** Forms of a file of requests; each may be gzipped. */
export type Format = 'csv' | 'tsv' | 'jsonl' | 'lines'

/** Columns (keys in JSONL) that routing adds to a row, in this order. */
export const ADDED_COLUMNS = ['llmroute_model', 'llmroute_win_rate', 'llmroute_threshold'] as const

/** Name endings (before `.gz`) by which a format is known. */
const ENDINGS: Readonly<Record<string, Format>> = {
  csv: 'csv',
  tsv: 'tsv',
  tab: 'tsv',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  txt: 'lines',
}

const FORMATS: readonly Format[] = ['csv', 'tsv', 'jsonl', 'lines']

/** A format by its name. Throws UsageError naming the nearest. */
export function parseFormat(name: string): Format {
  const format = FORMATS.find(candidate => candidate === name)
  if (!format) throw unknownName('format', name, FORMATS)
  return format
}

/** The format that a file's name ends with; undefined where it says nothing. */
export function formatOfName(file: string): Format | undefined {
  const ending = /\.([^./\\]+)$/.exec(withoutGz(file))?.[1]?.toLowerCase() ?? ''
  if (ending === 'json') {
    throw new UsageError(
      `${file}: expected CSV, TSV, JSONL or lines, got .json. One object a line? Say --format jsonl.`,
    )
  }
  return Object.hasOwn(ENDINGS, ending) ? ENDINGS[ending] : undefined
}

/** The format that the first line shows: a JSON object, a header with the prompt column, else plain lines. */
export function formatOfText(firstLine: string, promptColumn: string): Format {
  if (firstLine.trimStart().startsWith('{')) return 'jsonl'
  for (const [format, delimiter] of Object.entries(DELIMITERS) as ['csv' | 'tsv', string][]) {
    const names = firstLine.split(delimiter).map(name => name.trim().replace(/^"(.*)"$/, '$1'))
    if (names.includes(promptColumn)) return format
  }
  return 'lines'
}

/** What stands between fields. */
export const DELIMITERS: Readonly<Record<'csv' | 'tsv', string>> = { csv: ',', tsv: '\t' }

/** A field of a delimited file, in quotes where it needs them. */
export function quoted(text: string, delimiter: string): string {
  return text.includes(delimiter) || /["\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Whether the name says that the file is gzipped. */
export function isGzipName(file: string): boolean {
  return withoutGz(file) !== file
}

function withoutGz(file: string): string {
  return file.replace(/\.gz$/i, '')
}
