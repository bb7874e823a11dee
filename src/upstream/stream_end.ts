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

/** By the type of events, which stands in their line of type, or first or last in their data. */
function watchTypes(types: Readonly<Record<string, boolean>>): EndWatch {
  const names = Object.keys(types)
  // Names of the list, not pieces of texts, which would keep the texts.
  const known = (name: string | undefined) => names.find(own => own === name)
  let type: string | undefined
  let last: string | undefined
  const typeOf = (head: string, tail: string) => {
    if (!head.startsWith('data:')) return undefined
    const [, told] =
      /^data: ?\{\s*"type"\s*:\s*"([^"]+)"/.exec(head) ?? /"type"\s*:\s*"([^"]+)"[^{}[\]]*\}\s*$/.exec(tail) ?? []
    return known(told) ?? type
  }
  const lines = createLines(0, (head, tail) => {
    last = typeOf(head, tail) ?? last
    if (head.startsWith('event:')) type = known(head.slice(6).trim())
    else if (head === '') type = undefined
  })
  return {
    see: lines.see,
    isWhole(isEnded) {
      const { head, tail } = lines.rest()
      const told = (isEnded && /\}\s*$/.test(tail) ? typeOf(head, tail) : undefined) ?? last
      return told !== undefined && told !== 'error'
    },
    isFailed: () => last !== undefined && !types[last],
  }
}

/** `[DONE]`, or else no choice that is seen without its end; and no error. Texts may hold all of that, but never as a line. */
function watchCompletion(): EndWatch {
  const tail = createTail(TAIL)
  /** Whether the latest of the lines that are longer than the tail told an end. */
  let hasFinish = false
  const lines = createLines(
    TAIL,
    (_, rest, isFound) => {
      hasFinish = isFound || FINISH.test(rest)
    },
    FINISH,
  )
  const isLineWhole = (text: string, isEnded: boolean) => isEnded && /(?:\}|\[DONE\])\s*$/.test(text)
  const seen = (isEnded: boolean) => {
    const text = tail.text()
    if (isLineWhole(text, isEnded)) return text
    return text.slice(0, Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1)
  }
  return {
    see(chunk) {
      tail.see(chunk)
      lines.see(chunk)
    },
    isWhole(isEnded) {
      const text = seen(isEnded)
      const events = dataOf(text)
      if (events.some(isError)) return false
      if (events.includes('[DONE]')) return true
      const { tail: rest, isFound } = lines.rest()
      const isFinish = hasFinish || (isFound && isLineWhole(rest, isEnded)) || FINISH.test(text)
      return isFinish && openChoices(events).size === 0
    },
    isFailed() {
      const text = seen(true)
      return /"finish_reason"\s*:\s*"error"/.test(text) || dataOf(text).some(isError)
    },
  }
}

const [LF, CR] = [10, 13]

/**
 * Cuts a stream into lines, and tells both ends of each that has `least` bytes or more. Bytes are copied: chunks that were kept, or
 * pieces of their texts, would outlive the collections of young garbage, a thousand streams of them.
 * @param sought in what of a line has gone by its tail.
 */
function createLines(least: number, onLine: (head: string, tail: string, isFound: boolean) => void, sought?: RegExp) {
  const head = Buffer.allocUnsafeSlow(EDGE)
  const tail = createTail(EDGE, sought)
  let length = 0
  let isAfterCr = false
  const add = (piece: Uint8Array) => {
    if (length < EDGE) head.set(piece.subarray(0, EDGE - length), length)
    tail.see(piece)
    length += piece.length
  }
  const rest = () => ({
    head: head.toString('latin1', 0, Math.min(length, EDGE)),
    tail: tail.text(),
    isFound: tail.isFound(),
  })
  return {
    rest,
    see(chunk: Uint8Array) {
      let cr = chunk.indexOf(CR)
      for (let start = 0; start < chunk.length; ) {
        if (cr >= 0 && cr < start) cr = chunk.indexOf(CR, start)
        const lf = chunk.indexOf(LF, start)
        const end = lf < 0 || (cr >= 0 && cr < lf) ? cr : lf
        if (end < 0) {
          add(chunk.subarray(start))
          isAfterCr = false
          return
        }
        const isSecond = isAfterCr && end === start && chunk[end] === LF
        if (end > start) add(chunk.subarray(start, end))
        if (length >= least && !isSecond) {
          const line = rest()
          onLine(line.head, line.tail, line.isFound)
        }
        length = 0
        tail.clear()
        isAfterCr = chunk[end] === CR
        start = end + 1
      }
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

/** The last `most` bytes or more of what goes by, copied. @param sought in all that goes by and is not kept. */
function createTail(most: number, sought?: RegExp) {
  let tail: Buffer | undefined
  let size = 0
  let isFound = false
  const text = () => tail?.toString('latin1', 0, size) ?? ''
  return {
    see(chunk: Uint8Array) {
      tail ??= Buffer.allocUnsafeSlow(2 * most)
      let latest = chunk
      if (size + chunk.length > tail.length) {
        // What stands across the beginning of what is kept is found here or later.
        if (sought && !isFound) isFound = sought.test(text() + latin1(chunk))
        if (chunk.length < most) tail.copyWithin(0, size - most, size)
        else latest = chunk.subarray(-most)
        size = chunk.length < most ? most : 0
      }
      tail.set(latest, size)
      size += latest.length
    },
    clear() {
      size = 0
      isFound = false
    },
    text,
    isFound: () => isFound,
  }
}

function latin1({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1')
}
