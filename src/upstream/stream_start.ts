import { AttemptFailure } from './attempt_failure.ts'
import { parseJson } from './json.ts'

/** Bytes of comments before the first event that are waited through. */
const MOST_HELD = 65_536

/** Bytes of a line by which it is no error, which comes in one short line. */
const LINE = 1024

/** Lines that say whether an event tells of an error. */
const TELLING = /(?:^(?:\xef\xbb\xbf)?|[\r\n])(data|event): ?([^\r\n]*)(?=([\r\n]?))/g

/**
 * Reads until the first event tells something: comments before it (some endpoints send them while a request waits) are held back,
 * so that another model can still be asked.
 * @returns what was read.
 * @throws AttemptFailure where there is none, or it tells of an error.
 */
export async function readStart(body: AsyncIterator<Uint8Array>): Promise<Uint8Array[]> {
  const held: Uint8Array[] = []
  let text = ''
  for (let size = 0; size < MOST_HELD; ) {
    const { value, done } = await body.next()
    if (done) throw new AttemptFailure('an empty stream', 'passing')
    held.push(value)
    size += value.length
    text += Buffer.from(value.buffer, value.byteOffset, Math.min(value.length, MOST_HELD)).toString('latin1')
    if (hasBegun(text)) break
  }
  return held
}

/** Whether the first line of data is there, as far as it is looked at. @throws AttemptFailure where it tells of an error. */
function hasBegun(text: string): boolean {
  for (const [, field, rest, end] of text.matchAll(TELLING)) {
    if (end === '' && rest!.length < LINE) return false
    if (field === 'event' ? rest === 'error' : isError(rest!)) {
      throw new AttemptFailure('an error within the stream', 'passing')
    }
    if (field === 'data') return true
  }
  return false
}

/** Whether the data of an event are an error. */
export function isError(data: string): boolean {
  if (!data.includes('"error"')) return false
  const event = parseJson(data) as { error?: unknown; type?: unknown } | null | undefined
  return Boolean(event?.error) || event?.type === 'error'
}
