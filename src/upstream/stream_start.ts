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
    const line = /(?:^(?:\xef\xbb\xbf)?|[\r\n])(data|event|id|retry): ?([^\r\n]*)([\r\n]?)/.exec(text)
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
  const isOver = Object.hasOwn(ENDS, path) ? ENDS[path]! : () => true
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
    isWhole: () => isOver(tail?.toString('latin1', 0, size) ?? ''),
  }
}

const FINISH = /"finish_reason"\s*:\s*"/

/** `[DONE]`, or else no choice that is seen without its end; and no error. Texts may hold all of that, but never as a line. */
function isCompletionOver(tail: string): boolean {
  const events = tail.split(/[\r\n]+/).flatMap(line => (line.startsWith('data:') ? [line.slice(5).trim()] : []))
  if (events.some(isError)) return false
  if (events.includes('[DONE]')) return true
  // The event that ends a choice may be longer than the tail.
  return FINISH.test(tail) && openChoices(events).size === 0
}

/** The choices that go on, by their index. */
function openChoices(events: readonly string[]): Set<unknown> {
  const open = new Set<unknown>()
  const finished = new Set<unknown>()
  for (const event of events) {
    const { choices } = (parseJson(event) ?? {}) as { choices?: unknown }
    for (const choice of Array.isArray(choices) ? choices : []) {
      const { index = 0, finish_reason: reason } = (choice ?? {}) as Readonly<Record<string, unknown>>
      if (typeof reason === 'string') finished.add(index)
      else open.add(index)
    }
  }
  for (const index of finished) open.delete(index)
  return open
}

const ENDS: Readonly<Record<string, (tail: string) => boolean>> = {
  '/chat/completions': isCompletionOver,
  '/completions': isCompletionOver,
  '/messages': tail => /"message_stop"/.test(tail),
  '/responses': tail => /"response\.(?:completed|failed|incomplete)"/.test(tail),
}
