import { DataError } from '../errors.ts'
import { inputName, openBytes, STDIN } from './byte_source.ts'
import { createByteWindow } from './byte_window.ts'
import { createCsvScanner } from './csv_scanner.ts'
import { DELIMITERS, type Format, formatOfName, formatOfText, looksLikeHeader, requireDelimiter } from './formats.ts'
import { frame, type Position, type Segment } from './framing.ts'
import { firstLineOf, type RequestHeader, readHeader, readStart } from './request_header.ts'
import { createLineScanner, type Scanner } from './scanner.ts'

/** How a file of requests is read. */
export interface RequestOptions {
  /** Default: by the file's name, else by its first line. */
  readonly format?: Format | undefined
  /** Column (key in JSONL) of the prompt. Default `prompt`. */
  readonly promptColumn?: string | undefined
  /** Bytes that a field, or a line of JSONL or plain text, may have. Default 8 MiB. */
  readonly maxField?: number | undefined
  /** Cut segments where a pipe or standard input has nothing for the moment, so that rows need not wait for those behind. */
  readonly isLive?: boolean
}

/** Bytes that a field may have where nobody says otherwise. */
export const MAX_FIELD = 8 * 1024 * 1024

/** The column of the prompt where nobody says otherwise. */
export const PROMPT_COLUMN = 'prompt'

/** A file of requests, opened and its header checked. */
export interface Requests {
  readonly format: Format
  /** Only of delimited files. */
  readonly header: RequestHeader | undefined
  /** Stored bytes; undefined of standard input and pipes. */
  readonly size: number | undefined
  /** Stored bytes read so far. */
  bytesRead(): number
  /** Rows from `from`, else from the first, to be read once. Throws DataError where there is not one. */
  segments(from?: Position): AsyncGenerator<Segment>
  /** For whoever stops before the end. */
  close(): Promise<void>
}

/**
 * Opens a file of requests, or standard input under `-`.
 * @throws DataError where the file cannot be read, is empty, is UTF-16 or has a header that will not do.
 */
export async function openRequests(file: string, options: RequestOptions = {}): Promise<Requests> {
  const { promptColumn = PROMPT_COLUMN, maxField = MAX_FIELD, isLive = false } = options
  const name = inputName(file)
  const known = options.format ?? (file === STDIN ? undefined : formatOfName(file))
  const source = await openBytes(file)
  const window = createByteWindow(source.read, isLive ? source.isIdle : undefined)
  const start = await readStart(window, name)
  const firstLine = firstLineOf(window.bytes, start)
  const format = known ?? formatOfText(firstLine, promptColumn)
  if (format === 'csv' || format === 'tsv') requireDelimiter(firstLine, DELIMITERS[format], promptColumn, name)
  else if (!known && looksLikeHeader(firstLine, ';')) requireDelimiter(firstLine, ',', promptColumn, name)
  const header =
    format === 'csv' || format === 'tsv'
      ? await readHeader(window, start, name, { delimiter: DELIMITERS[format], promptColumn, maxField })
      : undefined
  return { format, header, size: source.size, bytesRead: source.bytesRead, close: source.close, segments }

  async function* segments(from?: Position): AsyncGenerator<Segment> {
    const first = header?.end ?? { offset: start, line: 1 }
    let left = (from ?? first).offset
    while (left > 0) {
      const passed = Math.min(left, window.bytes.length)
      window.cut(0, passed)
      left -= passed
      if (left > 0 && window.isLast)
        throw new DataError(name, undefined, 'expected more bytes, got the end of the file.')
      if (left > 0) await window.pull(1)
    }
    let isEmpty = true
    for await (const segment of frame(window, scannerFor(), from ?? first, { maxField })) {
      isEmpty = false
      yield segment
    }
    if (isEmpty && !from) {
      throw new DataError(name, undefined, `expected rows${header ? ' below the header' : ''}, got none.`)
    }
  }

  function scannerFor(): Scanner {
    if (!header) return createLineScanner(maxField, format === 'lines')
    const { columns, promptIndex } = header
    const delimiter = DELIMITERS[format as 'csv' | 'tsv'].charCodeAt(0)
    return createCsvScanner({ delimiter, maxField, fields: columns.length, promptIndex })
  }
}
