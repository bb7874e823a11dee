import { createByteWindow, type ReadInto } from '../../src/io/byte_window.ts'
import { frame, type Segment, SPAN } from '../../src/io/framing.ts'
import type { Scanner } from '../../src/io/scanner.ts'

/** Gives the bytes in pieces of at most `piece`. */
export function readerOf(bytes: Uint8Array, piece = 7): ReadInto {
  let at = 0
  return async into => {
    const count = Math.min(piece, into.length, bytes.length - at)
    into.set(bytes.subarray(at, at + count))
    at += count
    return count
  }
}

/** All segments of the bytes, read in pieces. */
export async function segmentsOf(
  text: string | Uint8Array,
  scanner: Scanner,
  { piece = 7, maxField = 1000 }: { piece?: number; maxField?: number } = {},
): Promise<Segment[]> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  const window = createByteWindow(readerOf(bytes, piece))
  const segments: Segment[] = []
  for await (const segment of frame(window, scanner, { offset: 0, line: 1 }, { maxField, readAhead: piece }))
    segments.push(segment)
  return segments
}

/** The records of segments as text, each with its line, and what was rejected. */
export function recordsOf(segments: readonly Segment[]): {
  records: { line: number; text: string; prompt: string }[]
  rejects: { line: number; reason: string; raw: string }[]
} {
  const records = segments.flatMap(({ bytes, spans, line }) => {
    const text = Buffer.from(bytes)
    return Array.from({ length: spans.length / SPAN }, (_, i) => {
      const [start, end, , promptStart, promptEnd, , lines] = spans.subarray(i * SPAN, (i + 1) * SPAN)
      return {
        line: line + lines!,
        text: text.toString('utf8', start, end),
        prompt: text.toString('utf8', promptStart, promptEnd),
      }
    })
  })
  const rejects = segments.flatMap(segment => segment.rejects)
  return { records, rejects: rejects.map(({ raw, ...rest }) => ({ ...rest, raw: Buffer.from(raw).toString() })) }
}
