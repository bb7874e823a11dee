import { isUtf8 } from 'node:buffer'
import { DataError } from '../errors.ts'
import { didYouMean, printable } from '../registry.ts'
import type { ByteWindow } from './byte_window.ts'
import { createCsvScanner } from './csv_scanner.ts'
import { ADDED_COLUMNS } from './formats.ts'
import type { Position } from './framing.ts'
import { CR, LF } from './scanner.ts'

const HEAD = 1 << 16

/** The first record of a delimited file. */
export interface RequestHeader {
  /** Names without surrounding white space, each once. */
  readonly columns: readonly string[]
  readonly promptIndex: number
  /** The header as it stands, without its line end. */
  readonly text: string
  readonly lineEnd: '\n' | '\r\n'
  /** Where the rows begin. */
  readonly end: Position
}

/**
 * Reads the start of a file: passes over a byte order mark and returns its length.
 * @throws DataError where the file is empty or in UTF-16.
 */
export async function readStart(window: ByteWindow, file: string): Promise<number> {
  do await window.pull(window.bytes.length + 1, HEAD)
  while (window.bytes.length < HEAD && !window.isLast && !window.bytes.includes(LF))
  const { bytes } = window
  if (isUtf16(bytes)) {
    throw new DataError(file, undefined, 'expected UTF-8, got UTF-16. Convert it: iconv -f UTF-16 -t UTF-8.')
  }
  const mark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  if (bytes.length === mark) throw new DataError(file, undefined, 'expected rows, got an empty file.')
  return mark
}

/**
 * Reads the header that begins at `start`; blank lines before it are passed over.
 * @throws DataError where it cannot be read, doubles a column, lacks `promptColumn` or has a column that routing adds.
 */
export async function readHeader(
  window: ByteWindow,
  start: number,
  file: string,
  { delimiter, promptColumn, maxField }: { delimiter: string; promptColumn: string; maxField: number },
): Promise<RequestHeader> {
  const scanner = createCsvScanner({
    delimiter: delimiter.charCodeAt(0),
    maxField,
    fields: Number.POSITIVE_INFINITY,
    promptIndex: -1,
  })
  let pos = start
  let line = 1
  for (;;) {
    const { bytes, isLast } = window
    const found = pos === bytes.length && isLast ? 'broken' : scanner.scan(bytes, pos, isLast)
    if (found === 'more' && bytes.length - pos <= 4 * maxField) await window.pull(bytes.length + 1, bytes.length * 2)
    else if (found === 'record') break
    else if (found === 'blank') {
      pos = scanner.next
      line++
    } else
      throw new DataError(
        file,
        line,
        `expected a header, got ${scanner.reason ? `one that cannot be read: ${scanner.reason}` : 'only blank lines'}.`,
      )
  }
  const { contentEnd, next, bounds, newlines } = scanner
  const bytes = window.bytes.subarray(pos, contentEnd)
  if (!isUtf8(bytes) || bytes.includes(0)) {
    throw new DataError(file, line, 'expected a header in UTF-8, got bytes that are none.')
  }
  const columns = Array.from({ length: bounds.length / 2 }, (_, i) =>
    window.bytes
      .toString('utf8', bounds[2 * i], bounds[2 * i + 1])
      .replaceAll('""', '"')
      .trim(),
  )
  return {
    columns,
    promptIndex: checkColumns(columns, promptColumn, file, line),
    text: window.bytes.toString('utf8', 0, contentEnd),
    lineEnd: window.bytes[contentEnd] === CR ? '\r\n' : '\n',
    end: { offset: next, line: line + newlines + 1 },
  }
}

function checkColumns(columns: readonly string[], promptColumn: string, file: string, line: number): number {
  const shown = columns.map(printable).join(', ')
  if (columns.some(name => name.includes('\r'))) {
    throw new DataError(file, line, 'expected lines that end in LF or CRLF, got CR alone. Convert it: tr "\\r" "\\n".')
  }
  const doubled = columns.find((name, i) => name !== '' && columns.indexOf(name) !== i)
  if (doubled !== undefined) {
    const name = printable(doubled)
    throw new DataError(file, line, `expected each column once, got "${name}" twice. Rename or remove one.`)
  }
  const added = ADDED_COLUMNS.find(name => columns.includes(name))
  if (added !== undefined) {
    throw new DataError(file, line, `expected no column ${added}, which routing adds. Rename or remove it.`)
  }
  const promptIndex = columns.indexOf(promptColumn)
  if (promptIndex >= 0) return promptIndex
  throw new DataError(
    file,
    line,
    `expected a column "${printable(promptColumn)}", got ${shown}.${didYouMean(promptColumn, columns)} Name the right one with --prompt-column.`,
  )
}

/** By its byte order mark, or by a NUL in every other byte. */
function isUtf16(bytes: Buffer): boolean {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) return true
  const head = bytes.subarray(0, Math.min(bytes.length, 1000) & ~1)
  const nuls = [0, 0]
  for (let i = 0; i < head.length; i++) if (head[i] === 0) nuls[i & 1]!++
  return head.length >= 4 && Math.max(nuls[0]!, nuls[1]!) > head.length / 4 && Math.min(nuls[0]!, nuls[1]!) === 0
}

/** The first line of the bytes, as text. */
export function firstLineOf(bytes: Buffer, start: number): string {
  const end = bytes.indexOf(LF, start)
  return bytes.toString('utf8', start, end < 0 ? bytes.length : end).replace(/\r$/, '')
}
