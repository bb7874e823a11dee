import { isUtf8 } from 'node:buffer'
import type { Format } from './formats.ts'
import { type Reject, type Segment, SPAN } from './framing.ts'
import { NoPromptError, promptOfJson } from './json_prompt.ts'

/** The prompts of a segment, and the rows that hold none. */
export interface SegmentPrompts {
  readonly prompts: readonly string[]
  /** Per prompt, where its record's numbers begin in `spans`. */
  readonly rows: readonly number[]
  /** In the order of their lines, those that framing found included. */
  readonly rejects: readonly Reject[]
}

/** Takes the prompts out of a segment. Rows with NUL bytes, invalid UTF-8 or (in JSONL) no prompt are rejected. */
export function promptsOf(segment: Segment, format: Format, promptColumn: string): SegmentPrompts {
  const { spans } = segment
  const bytes = Buffer.from(segment.bytes.buffer, segment.bytes.byteOffset, segment.bytes.byteLength)
  // One look at the whole is enough for nearly every segment.
  const isClean = isUtf8(bytes) && !bytes.includes(0)
  const prompts: string[] = []
  const rows: number[] = []
  const rejects: Reject[] = []
  for (let row = 0; row < spans.length; row += SPAN) {
    const start = spans[row]!
    const end = spans[row + 1]!
    let reason = isClean ? undefined : flawOf(bytes.subarray(start, end))
    if (reason === undefined) {
      const text = bytes.toString('utf8', spans[row + 3], spans[row + 4])
      try {
        prompts.push(format === 'jsonl' ? promptOfJson(text, promptColumn) : unquoted(text, spans[row + 5] === 1))
        rows.push(row)
      } catch (error) {
        if (!(error instanceof NoPromptError)) throw error
        reason = error.message
      }
    }
    if (reason !== undefined) {
      rejects.push({ line: segment.line + spans[row + 6]!, reason, raw: new Uint8Array(bytes.subarray(start, end)) })
    }
  }
  if (segment.rejects.length > 0) rejects.push(...segment.rejects)
  return { prompts, rows, rejects: rejects.sort((a, b) => a.line - b.line) }
}

function unquoted(text: string, hasDoubledQuotes: boolean): string {
  return hasDoubledQuotes ? text.replaceAll('""', '"') : text
}

function flawOf(record: Buffer): string | undefined {
  if (record.includes(0)) return 'NUL byte'
  return isUtf8(record) ? undefined : 'invalid UTF-8'
}
