import { parseJson } from './json.ts'
import { isError } from './stream_start.ts'

/** Bytes at the end of a stream in which its end is looked for. */
const TAIL = 4096

/** Bytes of a line in which its event's type is looked for: the last event of some forms repeats the whole answer behind it. */
const HEAD = 512

/** Watches for what a stream says of its end. */
export interface EndWatch {
  see(chunk: Uint8Array): void
  /** Whether the stream says that it is over. */
  isWhole(): boolean
  /** Whether it says that the model failed. */
  isFailed(): boolean
}

/** How a form says so: of a line's head, and of the tail. */
interface Ends {
  readonly head?: RegExp
  /** Heads of lines that speak of something that goes on, unless they tell its end. */
  readonly open?: RegExp
  tail(text: string, hasHead: boolean): boolean
  readonly failed?: RegExp
}

/** @param path of the request: it decides what the last event looks like. Other streams count as whole. */
export function createEndWatch(path: string): EndWatch {
  const ends = Object.hasOwn(ENDS, path) ? ENDS[path]! : ANYTHING
  const tail = createTail()
  /** Of the line that goes by. */
  let head = ''
  /** Of the latest line that told an end. */
  let told = ''
  const check = () => {
    if (ends.head?.test(head)) told = head
    else if (ends.open?.test(head)) told = ''
  }
  return {
    see(chunk) {
      tail.see(chunk)
      if (!ends.head) return
      const lines = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
        .toString('latin1')
        .split(/[\r\n]/)
      for (const [i, line] of lines.entries()) {
        if (i > 0) {
          check()
          head = ''
        }
        if (head.length < HEAD) head += line.slice(0, HEAD - head.length)
      }
    },
    isWhole() {
      check()
      return ends.tail(tail.text(), told !== '')
    },
    isFailed() {
      check()
      if (ends.failed === undefined) return false
      const last = tail.text()
      return ends.failed.test(told) || ends.failed.test(last) || dataOf(last).some(isError)
    },
  }
}

/** The last bytes of a stream, copied: chunks that were kept would outlive the collections of young garbage, a thousand streams of them. */
function createTail() {
  let tail: Buffer | undefined
  let size = 0
  return {
    see(chunk: Uint8Array) {
      tail ??= Buffer.allocUnsafeSlow(2 * TAIL)
      const latest = chunk.length > TAIL ? chunk.subarray(-TAIL) : chunk
      if (size + latest.length > tail.length) {
        tail.copyWithin(0, size - TAIL, size)
        size = TAIL
      }
      tail.set(latest, size)
      size += latest.length
    },
    text: () => tail?.toString('latin1', 0, size) ?? '',
  }
}

const FINISH = /"finish_reason"\s*:\s*"/

/** `[DONE]`, or else no choice that is seen without its end; and no error. Texts may hold all of that, but never as a line. */
function isCompletionOver(tail: string, hasFinish: boolean): boolean {
  const events = dataOf(tail)
  if (events.some(isError)) return false
  if (events.includes('[DONE]')) return true
  // The event that ends a choice may be longer than the tail.
  return (hasFinish || FINISH.test(tail)) && openChoices(events).size === 0
}

/** The data of its events, of one line each. */
function dataOf(tail: string): string[] {
  return tail.split(/[\r\n]+/).flatMap(line => (line.startsWith('data:') ? [line.slice(5).trim()] : []))
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

const COMPLETION: Ends = {
  head: FINISH,
  open: /"(?:delta|text)"\s*:/,
  tail: isCompletionOver,
  failed: /"finish_reason"\s*:\s*"error"/,
}
/** Quotes within texts are escaped, and so no text is taken for a type. */
const [STOP, RESPONSE] = [/"message_stop"/, /"response\.(?:completed|failed|incomplete)"/]

const ENDS: Readonly<Record<string, Ends>> = {
  '/chat/completions': COMPLETION,
  '/completions': COMPLETION,
  '/messages': { head: STOP, tail: (tail, hasStop) => hasStop || STOP.test(tail), failed: /^event: error$/m },
  '/responses': {
    head: RESPONSE,
    tail: (tail, hasEnd) => hasEnd || RESPONSE.test(tail),
    failed: /"response\.failed"/,
  },
}
const ANYTHING: Ends = { tail: () => true }
