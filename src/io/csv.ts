import { CsvError, type Options, parse } from 'csv-parse/sync'
import { DataError } from '../errors.ts'

/** A delimited text, parsed. Blank lines are no rows. */
export interface Csv {
  /** Row-major cells; rows may differ in length. The first is the header. */
  readonly rows: readonly (readonly string[])[]
  /** The 1-based line on which row `index` begins. Parses again, so it is for messages only. */
  lineOf(index: number): number
}

/**
 * Reads RFC 4180: quotes around a field, doubled inside it, line ends LF or CRLF, no byte order mark.
 * @param bytes UTF-8; parsed without a string of the whole, so that files above 512 MB can be read.
 * @throws DataError with the line on which a row with wrong quotes begins.
 */
export function parseCsv(bytes: Uint8Array, file: string, delimiter: string): Csv {
  const options = { ...FORM, delimiter }
  try {
    return { rows: parse(bytes, options), lineOf: index => lineOfRow(bytes, options, index) }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw new DataError(file, lineOfRow(bytes, options, Number.POSITIVE_INFINITY), QUOTES[error.code] ?? error.message)
  }
}

const FORM = { record_delimiter: ['\r\n', '\n'], relax_column_count: true, skip_empty_lines: true } satisfies Options

const CURE = 'Quote the whole field and double the quotes inside it.'
const QUOTES: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: `expected a closing quote in the row that begins here, got the end of the file. ${CURE}`,
  CSV_INVALID_CLOSING_QUOTE: `expected a delimiter after a closing quote in the row that begins here. ${CURE}`,
  INVALID_OPENING_QUOTE: `expected no quote inside an unquoted field in the row that begins here. ${CURE}`,
}

/** The line on which row `index` begins, or the first row that cannot be read where that comes before it. */
function lineOfRow(bytes: Uint8Array, options: Options, index: number): number {
  let offset = 0
  let rows = 0
  try {
    parse(bytes, {
      ...options,
      ...(Number.isFinite(index) ? { to: Math.max(index, 1) } : {}),
      on_record: (_record, { bytes: end }) => {
        if (rows < index) offset = end
        rows++
        return null
      },
    })
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
  }
  while (bytes[offset] === LF || bytes[offset] === CR) offset++
  let line = 1
  for (let i = 0; i < offset; i++) if (bytes[i] === LF) line++
  return line
}

const LF = 10
const CR = 13
