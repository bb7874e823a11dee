/** Deeper nesting is no request but an attack on whoever parses it. */
const MOST_DEPTH = 200
/** So are more values: each takes many times its bytes in memory. 100,000 messages have three each. */
export const MOST_VALUES = 500_000

const [QUOTE, BACKSLASH, COMMA, COLON, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [
  34, 92, 44, 58, 123, 125, 91, 93,
] as const

/** Where something stands in bytes: its first, and the one behind its last. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** What is found in the bytes of a JSON object without parsing it. */
export interface Scanned {
  /** The values under the key at the top level; one, unless the key is given twice. */
  readonly spans: readonly Span[]
  /** Why it should not be parsed. */
  readonly excess?: 'depth' | 'values'
}

/**
 * The values of a top-level key of a JSON object, as spans of its bytes. Expects valid JSON, apart from its depth and size; of
 * anything else what it finds means nothing, but it ends.
 */
export function findValues(bytes: Uint8Array, key: string): Scanned {
  const spans: Span[] = []
  const wanted = quoted(key)
  let depth = 0
  let values = 0
  let isKey = false
  let isWanted = false
  let start = -1
  const close = (end: number) => {
    if (isWanted && start >= 0) spans.push(trimmed(bytes, start, end))
    isWanted = false
    start = -1
  }
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!
    if (byte === QUOTE) {
      const end = endOfString(bytes, at)
      if (depth === 1 && isKey) isWanted = isSame(bytes, at, end, wanted, key)
      at = end - 1
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth++
      values++
      if (depth > MOST_DEPTH) return { spans: [], excess: 'depth' }
      if (depth === 1) isKey = byte === OPEN_BRACE
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (depth === 1) close(at)
      depth--
    } else if (depth === 1 && byte === COLON && isKey) {
      isKey = false
      start = at + 1
    } else if (byte === COMMA) {
      if (++values > MOST_VALUES) return { spans: [], excess: 'values' }
      if (depth > 1) continue
      close(at)
      isKey = true
    }
  }
  return { spans }
}

/** Of the few keys that are looked for. */
const quotedKeys = new Map<string, Uint8Array>()

function quoted(key: string): Uint8Array {
  let bytes = quotedKeys.get(key)
  if (!bytes) {
    bytes = Buffer.from(JSON.stringify(key))
    quotedKeys.set(key, bytes)
  }
  return bytes
}

/** The bytes with each span replaced by the same others. */
export function replaceSpans(bytes: Uint8Array, spans: readonly Span[], others: Uint8Array): Uint8Array {
  let length = bytes.length
  for (const { start, end } of spans) length += others.length - (end - start)
  const replaced = Buffer.allocUnsafe(length)
  let from = 0
  let to = 0
  for (const { start, end } of spans) {
    replaced.set(bytes.subarray(from, start), to)
    to += start - from
    replaced.set(others, to)
    to += others.length
    from = end
  }
  replaced.set(bytes.subarray(from), to)
  return replaced
}

/**
 * The bytes of a JSON object with the values of top-level keys replaced where they stand, and those that it lacks put in front; all
 * else stays as it is. Expects valid JSON.
 */
export function withValues(bytes: Uint8Array, values: Readonly<Record<string, unknown>>): Uint8Array {
  return Object.entries(values).reduce((written, [key, value]) => {
    const { spans } = findValues(written, key)
    const text = JSON.stringify(value)
    if (spans.length > 0) return replaceSpans(written, spans, Buffer.from(text))
    const start = written.indexOf(OPEN_BRACE) + 1
    const isEmpty = written.subarray(start).every(byte => isBlank(byte) || byte === CLOSE_BRACE)
    const member = `${JSON.stringify(key)}:${text}${isEmpty ? '' : ','}`
    return Buffer.concat([written.subarray(0, start), Buffer.from(member), written.subarray(start)])
  }, bytes)
}

/** Behind the closing quote of the string that opens at `start`. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
  return Math.min(at + 1, bytes.length)
}

/** A key may be written with escapes. */
function isSame(bytes: Uint8Array, start: number, end: number, wanted: Uint8Array, key: string): boolean {
  let same = 0
  while (same < wanted.length && start + same < end && bytes[start + same] === wanted[same]) same++
  if (same === wanted.length) return start + same === end
  const own = bytes.subarray(start, end)
  if (!own.includes(BACKSLASH)) return false
  try {
    return JSON.parse(Buffer.from(own).toString('utf8')) === key
  } catch {
    return false
  }
}

function trimmed(bytes: Uint8Array, from: number, to: number): Span {
  let [start, end] = [from, to]
  while (start < end && isBlank(bytes[start]!)) start++
  while (end > start && isBlank(bytes[end - 1]!)) end--
  return { start, end }
}

function isBlank(byte: number): boolean {
  return byte === 32 || byte === 9 || byte === 10 || byte === 13
}
