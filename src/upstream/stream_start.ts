import { AttemptFailure } from './attempt_failure.ts'
import { parseJson } from './json.ts'

/** Bytes of comments before the first event that are waited through. */
const MOST_HELD = 65_536

/** Bytes of a line that is looked at. */
const LINE = 1024

/** Bytes at the end of a stream in which its end is looked for. */
const TAIL = 4096

/**
 * Reads until the first event has begun: comments before it (some endpoints send them while a request waits) are held back, so
 * that another model can still be asked.
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
    // An error comes in one short line, and the rest needs not be read.
    text += Buffer.from(value.buffer, value.byteOffset, Math.min(value.length, LINE)).toString('latin1')
    const line = /(?:^|[\r\n])(data|event|id|retry): ?([^\r\n]*)([\r\n]?)/.exec(text)
    if (!line) continue
    const [, field, rest, end] = line
    if (end === '' && rest!.length < LINE) continue
    if (rest === 'error' ? field === 'event' : isError(rest!)) {
      throw new AttemptFailure('an error within the stream', 'passing')
    }
    break
  }
  return held
}

function isError(data: string): boolean {
  if (!data.includes('"error"')) return false
  const event = parseJson(data) as { error?: unknown; type?: unknown } | null | undefined
  return Boolean(event?.error) || event?.type === 'error'
}

/** Watches the end of a stream go by. */
export interface TailWatch {
  see(chunk: Uint8Array): void
  /** Whether the stream says that it is over. */
  isWhole(): boolean
}

/** @param path of the request: it decides what the last event looks like. Other streams count as whole. */
export function createTailWatch(path: string): TailWatch {
  const end = Object.hasOwn(ENDS, path) ? ENDS[path]! : /(?:)/
  // Bytes are copied: chunks that were kept would outlive the collections of young garbage, a thousand streams of them.
  let tail: Buffer | undefined
  let size = 0
  return {
    see(chunk) {
      tail ??= Buffer.allocUnsafeSlow(2 * TAIL)
      const latest = chunk.length > TAIL ? chunk.subarray(-TAIL) : chunk
      if (size + latest.length > tail.length) {
        tail.copyWithin(0, size - TAIL, size)
        size = TAIL
      }
      tail.set(latest, size)
      size += latest.length
    },
    isWhole: () => end.test(tail?.toString('latin1', 0, size) ?? ''),
  }
}

const COMPLETION_END = /\[DONE\]|"finish_reason"\s*:\s*"/

const ENDS: Readonly<Record<string, RegExp>> = {
  '/chat/completions': COMPLETION_END,
  '/completions': COMPLETION_END,
  '/messages': /"message_stop"/,
  '/responses': /"response\.(?:completed|failed|incomplete)"/,
}
