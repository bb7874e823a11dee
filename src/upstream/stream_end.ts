import { parseJson } from './json.ts'
import { isError } from './stream_start.ts'

/** Bytes at the end of a stream in which its end is looked for. */
const TAIL = 4096

/** Characters at either end of a line in which its event's type is looked for: the last event of some forms repeats the whole answer. */
const EDGE = 512

/** Watches for what a stream says of its end. */
export interface EndWatch {
  see(chunk: Uint8Array): void
  /**
   * Whether the stream says that it is over.
   * @param isEnded whether it came to its end, rather than broke off: its last line then counts without a line end.
   */
  isWhole(isEnded: boolean): boolean
  /** Whether it says that the model failed. */
  isFailed(): boolean
}

/** @param path of the request: it decides what the last event looks like. Other streams count as whole. */
export function createEndWatch(path: string): EndWatch {
  const types = Object.hasOwn(LAST_TYPES, path) ? LAST_TYPES[path]! : undefined
  if (types) return watchTypes(types)
  return COMPLETIONS.has(path) ? watchCompletion() : { see() {}, isWhole: () => true, isFailed: () => false }
}

const COMPLETIONS = new Set(['/chat/completions', '/completions'])

/** Types of events that end a stream; those that tell of a failure are false. */
const LAST_TYPES: Readonly<Record<string, Readonly<Record<string, boolean>>>> = {
  '/messages': { message_stop: true, error: false },
  '/responses': {
    'response.completed': true,
    'response.incomplete': true,
    'response.failed': false,
    error: false,
  },
}

/** A line that goes by: its beginning and its end, which may overlap. */
interface Edges {
  head: string
  tail: string
}

/** By the type of events, which stands in their line of type, or first or last in their data. */
function watchTypes(types: Readonly<Record<string, boolean>>): EndWatch {
  let line: Edges = { head: '', tail: '' }
  let type: string | undefined
  let last: string | undefined
  const typeOf = ({ head, tail }: Edges) => {
    if (!head.startsWith('data:')) return undefined
    const told = /^data: ?\{\s*"type"\s*:\s*"([^"]+)"/.exec(head) ?? /"type"\s*:\s*"([^"]+)"[^{}[\]]*\}\s*$/.exec(tail)
    return [told?.[1], type].find(name => name !== undefined && Object.hasOwn(types, name))
  }
  const end = () => {
    last = typeOf(line) ?? last
    const { head } = line
    if (head.startsWith('event:')) type = head.slice(6).trim()
    else if (head === '') type = undefined
    line = { head: '', tail: '' }
  }
  return {
    see(chunk) {
      for (const [i, piece] of textOf(chunk)
        .split(/\r?\n|\r/)
        .entries()) {
        if (i > 0) end()
        if (line.head.length < EDGE) line.head += piece.slice(0, EDGE - line.head.length)
        line.tail = `${line.tail}${piece}`.slice(-EDGE)
      }
    },
    isWhole(isEnded) {
      const told = (isEnded && /\}\s*$/.test(line.tail) ? typeOf(line) : undefined) ?? last
      return told !== undefined && told !== 'error'
    },
    isFailed: () => last !== undefined && !types[last],
  }
}

/** `[DONE]`, or else no choice that is seen without its end; and no error. Texts may hold all of that, but never as a line. */
function watchCompletion(): EndWatch {
  const tail = createTail()
  let head = ''
  /** Whether the latest of the longer lines told an end, which may be longer than the tail. */
  let hasFinish = false
  const seen = (isEnded: boolean) => {
    const text = tail.text()
    const isLineWhole = isEnded && /(?:\}|\[DONE\])\s*$/.test(text)
    return isLineWhole ? text : text.slice(0, Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1)
  }
  return {
    see(chunk) {
      tail.see(chunk)
      for (const [i, piece] of textOf(chunk)
        .split(/[\r\n]/)
        .entries()) {
        if (i > 0) {
          if (FINISH.test(head)) hasFinish = true
          else if (/"(?:delta|text)"\s*:/.test(head)) hasFinish = false
          head = ''
        }
        if (head.length < EDGE) head += piece.slice(0, EDGE - head.length)
      }
    },
    isWhole(isEnded) {
      const text = seen(isEnded)
      const events = dataOf(text)
      if (events.some(isError)) return false
      if (events.includes('[DONE]')) return true
      return (hasFinish || FINISH.test(text)) && openChoices(events).size === 0
    },
    isFailed() {
      const text = seen(true)
      return /"finish_reason"\s*:\s*"error"/.test(text) || dataOf(text).some(isError)
    },
  }
}

const FINISH = /"finish_reason"\s*:\s*"/

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

function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1')
}
