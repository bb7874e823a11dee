import { DataError, UsageError } from '../errors.ts'
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
    if (namesOf(firstLine, delimiter).includes(promptColumn)) return format
  }
  return 'lines'
}

/** Throws DataError where the header has the prompt column only when split by another delimiter. */
export function requireDelimiter(header: string, delimiter: string, promptColumn: string, file: string): void {
  if (namesOf(header, delimiter).includes(promptColumn)) return
  const other = [';', '\t', ','].find(found => found !== delimiter && namesOf(header, found).includes(promptColumn))
  if (other === undefined) return
  const shown = (mark: string) => (mark === '\t' ? 'tabs' : `"${mark}"`)
  const cure = `Convert the file, or save it with ${delimiter === '\t' ? 'tabs' : 'commas'}.`
  throw new DataError(file, 1, `expected columns separated by ${shown(delimiter)}, got ${shown(other)}. ${cure}`)
}

/** Whether a line could be a header: names set close between the delimiters, as no sentence has them. */
export function looksLikeHeader(line: string, delimiter: string): boolean {
  return line.split(delimiter).every(name => /^"?[\p{L}_](?:[\p{L}\p{N}_ .-]{0,62}[\p{L}\p{N}_.-])?"?$/u.test(name))
}

function namesOf(header: string, delimiter: string): string[] {
  return header.split(delimiter).map(name => name.trim().replace(/^"(.*)"$/, '$1'))
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
