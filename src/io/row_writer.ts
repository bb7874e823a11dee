import type { Decision } from '../types.ts'
import { ADDED_COLUMNS, DELIMITERS, type Format, quoted } from './formats.ts'
import { type Segment, SPAN } from './framing.ts'
import { atLeast } from './memory.ts'
import type { RequestHeader } from './request_header.ts'

const CLOSING_BRACE = 125
const [MODEL, WIN_RATE, THRESHOLD] = ADDED_COLUMNS

/** The header line with the added columns. */
export function routedHeader({ text, lineEnd }: RequestHeader, format: 'csv' | 'tsv'): Buffer {
  return Buffer.from(`${[text, ...ADDED_COLUMNS].join(DELIMITERS[format])}${lineEnd}`)
}

/**
 * The segment's rows with what was decided, in the form they came in. Their own bytes are copied, so that every field keeps
 * its value to the last digit; only the three values are spliced in.
 * @param rows per decision, where its record's numbers begin in `spans`.
 * @param lineEnd for a last row that has none.
 * @param memory what to write into, where it is large enough.
 */
export function writeRows(
  segment: Segment,
  rows: readonly number[],
  decisions: readonly Decision[],
  format: Format,
  lineEnd: string,
  memory?: ArrayBuffer,
): Uint8Array<ArrayBuffer> {
  const added = decisions.map(decision => decisionCells(decision, format))
  return spliceRows(segment, rows, added, format, lineEnd, memory)
}

/** The same with any cells. @param added per row, with the delimiter before the first of them. */
export function spliceRows(
  { bytes, spans }: Pick<Segment, 'bytes' | 'spans'>,
  rows: readonly number[],
  added: readonly string[],
  format: Format,
  lineEnd: string,
  memory?: ArrayBuffer,
): Uint8Array<ArrayBuffer> {
  const addedLength = added.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  const output = Buffer.from(atLeast(bytes.length + addedLength + lineEnd.length, memory))
  let at = 0
  rows.forEach((row, i) => {
    const contentEnd = spans[row + 1]!
    const next = spans[row + 2]!
    const cut = format === 'jsonl' ? beforeBrace(bytes, contentEnd) : contentEnd
    at = copy(bytes, spans[row]!, cut, output, at)
    at += output.write(added[i]!, at)
    at = copy(bytes, cut, next, output, at)
    if (next === contentEnd) at += output.write(lineEnd, at)
  })
  return new Uint8Array(output.buffer, 0, at)
}

/** One line of JSON per decision, with the line of its row: what `batch --json` prints. */
export function writeDecisions(segment: Segment, rows: readonly number[], decisions: readonly Decision[]): Buffer {
  const lines = decisions.map((decision, i) => {
    const line = segment.line + segment.spans[rows[i]! + SPAN - 1]!
    return `${JSON.stringify({ line, ...decision })}\n`
  })
  return Buffer.from(lines.join(''))
}

/** What was decided, as the cells or keys that are added to a row. */
export function decisionCells(
  { model, winRate, threshold }: Pick<Decision, 'model' | 'winRate' | 'threshold'>,
  format: Format,
): string {
  switch (format) {
    case 'jsonl':
      return `,"${MODEL}":${JSON.stringify(model)},"${WIN_RATE}":${jsonNumber(winRate)},"${THRESHOLD}":${jsonNumber(threshold)}`
    case 'lines':
      return `\t${model}\t${winRate ?? ''}\t${threshold ?? ''}`
    default: {
      const delimiter = DELIMITERS[format]
      return `${delimiter}${quoted(model, delimiter)}${delimiter}${winRate ?? ''}${delimiter}${threshold ?? ''}`
    }
  }
}

/** JSON has no Infinity. */
export function jsonNumber(value: number | undefined): string {
  return Number.isFinite(value) ? String(value) : 'null'
}

function beforeBrace(bytes: Uint8Array, end: number): number {
  let at = end - 1
  while (bytes[at] !== CLOSING_BRACE) at--
  return at
}

function copy(from: Uint8Array, start: number, end: number, to: Buffer, at: number): number {
  to.set(from.subarray(start, end), at)
  return at + end - start
}
