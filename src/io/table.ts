import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { DataError } from '../errors.ts'
import { parseCsv } from './csv.ts'
import { unreadable } from './file_errors.ts'
import { requireDelimiter } from './formats.ts'
import { parseJsonl } from './jsonl.ts'
import { firstLineOf } from './request_header.ts'
import { PROMPT_COLUMN } from './requests.ts'

/** A file of named columns, whole in memory. */
export interface Table {
  readonly file: string
  /** Of the bytes on disk, in hex. */
  readonly sha256: string
  /** Names without surrounding white space, each once. */
  readonly header: readonly string[]
  /** One cell per column in each, or another number where the row is bad. */
  readonly rows: readonly (readonly string[])[]
  /** The 1-based line on which row `index` begins; for messages. */
  lineOf(index: number): number
}

/**
 * Reads CSV, TSV (`.tsv`) or JSONL (`.jsonl`, `.ndjson`), gzipped or not. A byte order mark is passed over.
 * @param promptColumn by which another delimiter is recognised in the header.
 * @throws DataError where the file cannot be read, is empty, is not UTF-8 text, has wrong quotes or another delimiter, or doubles a column.
 */
export async function readTable(file: string, promptColumn = PROMPT_COLUMN): Promise<Table> {
  const stored = await readBytes(file)
  const bytes = decode(unzip(stored, file), file)
  const name = file.toLowerCase().replace(/\.gz$/, '')
  const isJsonl = /\.(jsonl|ndjson)$/.test(name)
  const delimiter = name.endsWith('.tsv') ? '\t' : ','
  // Before the quotes are looked at: with the wrong delimiter they only seem to be wrong.
  if (!isJsonl) requireDelimiter(firstLineOf(bytes, 0), delimiter, promptColumn, file)
  const { rows, lineOf } = isJsonl ? parseJsonl(bytes, file) : parseCsv(bytes, file, delimiter)
  if (!rows[0]) throw new DataError(file, undefined, 'expected a header and rows, got an empty file.')
  const header = rows[0].map(cell => cell.trim())
  requireUnique(header, file)
  if (rows.length === 1) throw new DataError(file, undefined, 'expected rows below the header, got none.')
  const sha256 = createHash('sha256').update(stored).digest('hex')
  return { file, sha256, header, rows: rows.slice(1), lineOf: index => lineOf(index + 1) }
}

async function readBytes(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw unreadable(file, error)
  }
}

function unzip(bytes: Buffer, file: string): Buffer {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  try {
    return gunzipSync(bytes)
  } catch {
    throw new DataError(file, undefined, 'expected a whole gzip file, got one that is cut short or altered.')
  }
}

function decode(bytes: Buffer, file: string): Buffer {
  const [first, second, third] = bytes
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw new DataError(file, undefined, 'expected UTF-8, got UTF-16. Convert it: iconv -f UTF-16 -t UTF-8.')
  }
  const nul = bytes.indexOf(0)
  if (nul >= 0) {
    const found = looksLikeUtf16(bytes) ? 'what looks like UTF-16' : 'a NUL byte'
    throw new DataError(file, lineAt(bytes, nul), `expected UTF-8 text, got ${found}.`)
  }
  if (!isUtf8(bytes)) throw new DataError(file, firstBadLine(bytes), 'expected UTF-8, got bytes that are not.')
  return first === 0xef && second === 0xbb && third === 0xbf ? bytes.subarray(3) : bytes
}

function looksLikeUtf16(bytes: Buffer): boolean {
  const head = bytes.subarray(0, 1000)
  return head.filter(byte => byte === 0).length > head.length / 4
}

function firstBadLine(bytes: Buffer): number {
  let line = 1
  for (let start = 0; start < bytes.length; line++) {
    const end = bytes.indexOf(10, start)
    if (!isUtf8(bytes.subarray(start, end < 0 ? bytes.length : end))) break
    start = end + 1
  }
  return line
}

function lineAt(bytes: Buffer, offset: number): number {
  let line = 1
  for (let i = 0; i < offset; i++) if (bytes[i] === 10) line++
  return line
}

function requireUnique(header: readonly string[], file: string): void {
  const doubled = header.find((name, i) => name !== '' && header.indexOf(name) !== i)
  if (doubled !== undefined) {
    throw new DataError(file, 1, `expected each column once, got "${doubled}" twice. Rename or remove one.`)
  }
}
