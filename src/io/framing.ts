import type { ByteWindow } from './byte_window.ts'
import { CR, LF, type Scanner } from './scanner.ts'

/** Records of a segment. Fixed, so that batches are cut at the same rows whoever works on them. */
export const SEGMENT_ROWS = 1024

/** A segment also ends with the record that brings it to this many bytes. */
const SEGMENT_BYTES = 1 << 20

/** A record may have this many times the bytes of a field. */
const RECORD_FIELDS = 4

const READ_AHEAD = 1 << 18

/** A place in the input. */
export interface Position {
  /** Bytes before it, after decompression. */
  readonly offset: number
  /** 1-based. */
  readonly line: number
}

/** A row that cannot be routed. */
export interface Reject {
  /** 1-based line on which it begins. */
  readonly line: number
  readonly reason: string
  /** Its bytes without the line end, in memory of their own; a line over the limit is cut. */
  readonly raw: Uint8Array<ArrayBuffer>
}

/** Numbers per record in `Segment.spans`. */
export const SPAN = 7

/** Some whole records, in the order of the input. Its memory is used again for the next one. */
export interface Segment {
  readonly bytes: Uint8Array
  /**
   * SPAN numbers per record: its start, the end of its content, the start of the next record, start and end of the prompt,
   * 1 where the prompt holds doubled quotes, and its line counted from `line`.
   */
  readonly spans: Int32Array
  readonly line: number
  readonly rejects: readonly Reject[]
  /** Whether it was cut early because the input has nothing for the moment. */
  readonly isIdle: boolean
  /** Where the next segment begins. */
  readonly next: Position
}

/** Limits of framing. */
export interface FramingLimits {
  /** Bytes of a field; a record may have four times as many. */
  readonly maxField: number
  /** Bytes to read at a time. */
  readonly readAhead?: number
}

/**
 * Cuts the input from `at` on into segments, in constant memory. A record that breaks the quoting rules is rejected by its
 * first line and framing begins again on the next, so that one stray quote does not swallow the rows behind it.
 */
export async function* frame(
  window: ByteWindow,
  scanner: Scanner,
  at: Position,
  { maxField, readAhead = READ_AHEAD }: FramingLimits,
): AsyncGenerator<Segment> {
  const maxRecord = maxField * RECORD_FIELDS
  const spans = new Int32Array(SEGMENT_ROWS * SPAN)
  let { offset, line } = at
  let firstLine = line
  let rejects: Reject[] = []
  let rows = 0
  let size = 0
  let pos = 0
  let isIdle = false
  for (;;) {
    const { bytes, isLast } = window
    const isFull = rows + rejects.length === SEGMENT_ROWS || size >= SEGMENT_BYTES
    const isDone = pos === bytes.length && isLast
    if (isFull || isIdle || (isDone && rows + rejects.length > 0)) {
      yield {
        bytes: bytes.subarray(0, pos),
        spans: spans.subarray(0, rows * SPAN),
        line: firstLine,
        rejects,
        isIdle,
        next: { offset, line },
      }
      window.cut(0, pos)
      firstLine = line
      rejects = []
      rows = size = pos = 0
      isIdle = false
      continue
    }
    if (isDone) return
    let found = pos === bytes.length ? 'more' : scanner.scan(bytes, pos, isLast)
    if (found === 'more' && bytes.length - pos <= maxRecord) {
      isIdle = rows + rejects.length > 0 && (await window.isIdle())
      // Twice as many bytes each time, so that a long record is not scanned over and over.
      if (!isIdle) await window.pull(bytes.length + 1, bytes.length + Math.max(bytes.length - pos, readAhead))
      continue
    }
    if (found === 'more' || scanner.next - pos > maxRecord) {
      scanner.reason = `record over ${maxRecord} bytes`
      found = 'broken'
    }
    if (found === 'broken') {
      const first = await takeLine(window, pos, maxField, readAhead)
      const cut = first.length > maxField ? ` (cut to ${maxField} bytes here)` : ''
      rejects.push({ line, reason: `${scanner.reason}${cut}`, raw: first.raw })
      pos += first.kept
      offset += first.length
      size += first.raw.length
      line++
      continue
    }
    const { contentEnd, next } = scanner
    if (found === 'record') {
      spans[rows * SPAN] = pos
      spans[rows * SPAN + 1] = contentEnd
      spans[rows * SPAN + 2] = next
      spans[rows * SPAN + 3] = scanner.promptStart
      spans[rows * SPAN + 4] = scanner.promptEnd
      spans[rows * SPAN + 5] = scanner.hasDoubledQuotes ? 1 : 0
      spans[rows * SPAN + 6] = line - firstLine
      rows++
    } else if (found === 'wrong') {
      rejects.push({ line, reason: scanner.reason, raw: new Uint8Array(bytes.subarray(pos, contentEnd)) })
    }
    size += next - pos
    offset += next - pos
    line += scanner.newlines + 1
    pos = next
  }
}

interface TakenLine {
  readonly raw: Uint8Array<ArrayBuffer>
  /** Bytes of the line with its end. */
  readonly length: number
  /** How many of them are still in the window. */
  readonly kept: number
}

/** Passes over one line of any length, keeping at most `most` bytes of it. */
async function takeLine(window: ByteWindow, start: number, most: number, readAhead: number): Promise<TakenLine> {
  let dropped = 0
  let newline = window.bytes.indexOf(LF, start)
  while (newline < 0 && !window.isLast) {
    const end = window.bytes.length
    if (end - start > most) {
      window.cut(start + most, end)
      dropped += end - start - most
    }
    const searched = window.bytes.length
    await window.pull(searched + readAhead)
    newline = window.bytes.indexOf(LF, searched)
  }
  const next = newline < 0 ? window.bytes.length : newline + 1
  const contentEnd = Math.min(newline < 0 ? next : newline, start + most)
  const hasCr = contentEnd > start && window.bytes[contentEnd - 1] === CR
  const raw = new Uint8Array(window.bytes.subarray(start, hasCr ? contentEnd - 1 : contentEnd))
  const length = next - start + dropped
  if (next - start <= most) return { raw, length, kept: next - start }
  window.cut(start, next)
  return { raw, length, kept: 0 }
}
