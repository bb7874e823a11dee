/**
 * What stands at a place in the input:
 * `record` and `blank` lines are whole; `more` needs bytes that are not there yet; `wrong` is a whole record that cannot be
 * used; `broken` breaks the quoting rules, so that only its first line can be told from what follows.
 */
export type Found = 'record' | 'blank' | 'more' | 'wrong' | 'broken'

/** Finds records in bytes, one call each. The properties speak of the record found last; all are offsets into the bytes. */
export interface Scanner {
  /** End of the record without its line end. */
  contentEnd: number
  /** Start of the next record; where it is `broken`, the byte that broke it. */
  next: number
  /** Line ends inside quoted fields. */
  newlines: number
  /** The prompt's field without its quotes; the whole record where a record is a line. */
  promptStart: number
  promptEnd: number
  /** Whether the prompt's field is quoted and holds doubled quotes. */
  hasDoubledQuotes: boolean
  /** Why it is `wrong` or `broken`. */
  reason: string
  /** @param isLast whether no bytes can come after `bytes`. */
  scan(bytes: Uint8Array, start: number, isLast: boolean): Found
}

/** The byte that ends a line. */
export const LF = 10
/** The byte that may stand before LF, as on Windows. */
export const CR = 13

/** One record a line, ended by LF or CRLF. A line over `maxField` bytes is `broken`. An empty line is a record only where `keepBlank`. */
export function createLineScanner(maxField: number, keepBlank: boolean): Scanner {
  const scanner: Scanner = { ...nothingFound(), scan }
  return scanner

  function scan(bytes: Uint8Array, start: number, isLast: boolean): Found {
    const newline = bytes.indexOf(LF, start)
    // One more byte than allowed may still be the CR of a line end.
    if (newline < 0 && !isLast && bytes.length - start <= maxField + 1) return 'more'
    const lineEnd = newline < 0 ? bytes.length : newline
    const contentEnd = lineEnd > start && newline >= 0 && bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd
    if (contentEnd - start > maxField) {
      scanner.reason = `line over ${maxField} bytes`
      scanner.next = start + maxField
      return 'broken'
    }
    scanner.promptStart = start
    scanner.promptEnd = contentEnd
    scanner.contentEnd = contentEnd
    scanner.next = newline < 0 ? lineEnd : newline + 1
    return keepBlank || !isBlank(bytes, start, contentEnd) ? 'record' : 'blank'
  }
}

/** Where a scanner stands before its first record. */
export function nothingFound(): Omit<Scanner, 'scan'> {
  return {
    contentEnd: 0,
    next: 0,
    newlines: 0,
    promptStart: 0,
    promptEnd: 0,
    hasDoubledQuotes: false,
    reason: '',
  }
}

function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at]! > 32) return false
  return true
}
