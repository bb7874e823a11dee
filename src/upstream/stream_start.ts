import { AttemptFailure } from './attempt_failure.ts'
import { parseJson } from './json.ts'

/** Bytes of comments before the first event that are waited through. */
const MOST_HELD = 65_536

/** Bytes of a line by which it is no error, which comes in one short line. */
const LINE = 1024

/** A line that says whether an event tells of an error. */
const TELLING = /^(?:\xef\xbb\xbf)?(data|event): ?(.*)$/s

const LINE_END = /[\r\n]/g

/**
 * Reads until the first event tells something: comments before it (some endpoints send them while a request waits) are held back,
 * so that another model can still be asked.
 * @returns what was read.
 * @throws AttemptFailure where there is none, or it tells of an error.
 */
export async function readStart(body: AsyncIterator<Uint8Array>): Promise<Uint8Array[]> {
  const held: Uint8Array[] = []
  /** The line whose end has not come, as far as it is looked at. */
  let line = ''
  for (let size = 0; size < MOST_HELD; ) {
    const { value, done } = await body.next()
    if (done) {
      // A last line without its end counts where it is whole.
      if (parseJson(TELLING.exec(line)?.[2] ?? '') !== undefined && isBegin(line)) break
      throw new AttemptFailure('an empty stream', 'passing')
    }
    held.push(value)
    size += value.length
    const text = Buffer.from(value.buffer, value.byteOffset, Math.min(value.length, MOST_HELD)).toString('latin1')
    let from = 0
    for (let end = endOfLine(text, from); end >= 0; end = endOfLine(text, from)) {
      if (isBegin(line + text.slice(from, end))) return held
      line = ''
      from = end + 1
    }
    if (line.length < LINE) line += text.slice(from)
    if (line.length >= LINE && isBegin(line)) break
  }
  return held
}

function endOfLine(text: string, from: number): number {
  LINE_END.lastIndex = from
  return LINE_END.exec(text)?.index ?? -1
}

/** Whether it is a line of data. @throws AttemptFailure where it tells of an error. */
function isBegin(line: string): boolean {
  const [, field, rest = ''] = TELLING.exec(line) ?? []
  if (field === 'event' ? rest === 'error' : isError(rest)) {
    throw new AttemptFailure('an error within the stream', 'passing')
  }
  return field === 'data'
}

/** Whether the data of an event are an error. */
export function isError(data: string): boolean {
  if (!data.includes('"error"')) return false
  const event = parseJson(data) as { error?: unknown; type?: unknown } | null | undefined
  return Boolean(event?.error) || event?.type === 'error'
}
