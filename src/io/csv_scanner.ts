import { CR, type Found, LF, nothingFound, type Scanner } from './scanner.ts'

const QUOTE = 34

/** A record with this many fields too many is no record: a quote has opened or closed in the wrong place. */
const STRAY_FIELDS = 100

/** How a delimited file is read. */
export interface CsvRules {
  /** Byte between fields. */
  readonly delimiter: number
  /** Bytes a field may have, with its quotes. */
  readonly maxField: number
  /** Fields of every record; Infinity takes any number. */
  readonly fields: number
  /** Index of the field that holds the prompt. */
  readonly promptIndex: number
}

/** What a header needs: the bounds of every field. */
export interface CsvScanner extends Scanner {
  /** Start and end of each field of the record found last, without quotes. */
  readonly bounds: number[]
}

/**
 * RFC 4180 over bytes: a quote opens a field only as its first byte, is doubled inside, and after the closing one must come
 * a delimiter or a line end (LF or CRLF). Quotes further in are text. What breaks this is `broken`, a wrong number of fields
 * `wrong`. Works on whatever ends the bytes may have: the same input gives the same records however it is cut in chunks.
 */
export function createCsvScanner({ delimiter, maxField, fields: expected, promptIndex }: CsvRules): CsvScanner {
  const mostFields = expected * 2 + STRAY_FIELDS
  const bounds: number[] = []
  const scanner: CsvScanner = { ...nothingFound(), bounds, scan }
  return scanner

  function scan(bytes: Uint8Array, start: number, isLast: boolean): Found {
    const end = bytes.length
    let at = start
    let fields = 0
    let isQuoted = false
    scanner.newlines = 0
    bounds.length = 0
    for (; ; at++) {
      if (fields === mostFields) return broken(`expected ${expected} fields, got more than ${mostFields - 1}`, at)
      let fieldStart = at
      let fieldEnd: number
      let isDoubled = false
      isQuoted = at < end && bytes[at] === QUOTE
      if (isQuoted) {
        at++
        for (;;) {
          let byte = 0
          while (at < end) {
            byte = bytes[at]!
            if (byte === QUOTE) break
            if (byte === LF) scanner.newlines++
            at++
          }
          if (at - fieldStart > maxField)
            return broken(`field over ${maxField} bytes, or a quote that is not closed`, fieldStart + maxField)
          if (at === end) return isLast ? broken('quote not closed before the end of the file', at) : 'more'
          if (at + 1 === end && !isLast) return 'more'
          if (bytes[at + 1] !== QUOTE) break
          isDoubled = true
          at += 2
        }
        fieldStart++
        fieldEnd = at++
      } else {
        while (at < end) {
          const byte = bytes[at]!
          if (byte === delimiter || byte === LF) break
          at++
        }
        if (at - fieldStart > maxField) return broken(`field over ${maxField} bytes`, fieldStart + maxField)
        if (at === end && !isLast) return 'more'
        fieldEnd = at > fieldStart && bytes[at] === LF && bytes[at - 1] === CR ? at - 1 : at
      }
      if (fields === promptIndex) {
        scanner.promptStart = fieldStart
        scanner.promptEnd = fieldEnd
        scanner.hasDoubledQuotes = isDoubled
      }
      if (expected === Number.POSITIVE_INFINITY) bounds.push(fieldStart, fieldEnd)
      fields++
      if (at < end && bytes[at] === delimiter) continue
      scanner.contentEnd = isQuoted ? at : fieldEnd
      if (isQuoted && bytes[at] === CR) {
        if (at + 1 === end && !isLast) return 'more'
        at++
      }
      if (at < end && bytes[at] !== LF) return broken('expected a delimiter or a line end after a closing quote', at)
      scanner.next = Math.min(at + 1, end)
      // Of one column, an empty line is a record with an empty field.
      if (fields === 1 && expected !== 1 && !isQuoted && fieldEnd === start) return 'blank'
      if (fields === expected || expected === Number.POSITIVE_INFINITY) return 'record'
      scanner.reason = `expected ${expected} fields, got ${fields}`
      return 'wrong'
    }
  }

  function broken(reason: string, place: number): Found {
    scanner.reason = reason
    scanner.next = place
    return 'broken'
  }
}
