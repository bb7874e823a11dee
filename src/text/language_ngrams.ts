import { mix32 } from './hash.ts'

/** What a text is read for: the first bytes say as much as all of them. */
const MOST_BYTES = 350
/** A word is read no further. */
const LONGEST_WORD = 70
const PRIME = 0x01000193
const SEED = 0x811c9dc5
const SPACE = 32
const APOSTROPHES = "'`\u2019"

/** The word that is read, as bytes. */
const word = new Uint8Array(LONGEST_WORD + 4)

/**
 * Visits the hashes of what Nito-ELD (https://github.com/nitotm/efficient-language-detector) tells languages apart by: of each
 * word of letters, lower-cased, in UTF-8, every third run of four bytes and the last one, with a space where the word begins or
 * ends. Reads the first 350 bytes or so.
 */
export function visitLanguageNgrams(text: string, visit: (hash: number) => void): void {
  let length = 0
  let read = 0
  const lower = text.slice(0, MOST_BYTES + LONGEST_WORD).toLowerCase()
  for (let at = 0; at < lower.length && read <= MOST_BYTES; at++) {
    const unit = lower.charCodeAt(at)
    if (!isOfWord(lower, at, unit)) {
      if (length > 0) visitWord(length, visit)
      length = 0
      read++
      continue
    }
    const before = length
    if (length < LONGEST_WORD) length = append(length, unit)
    else length++
    read += length - before
  }
  if (length > 0) visitWord(length, visit)
}

/** The hash of an n-gram as a text, its spaces where the word begins or ends. */
export function languageNgramHash(bytes: Uint8Array, hasStart: boolean, hasEnd: boolean): number {
  return hashOf(bytes, 0, bytes.length, hasStart, hasEnd)
}

function visitWord(length: number, visit: (hash: number) => void): void {
  const read = Math.min(length, LONGEST_WORD)
  let from = 0
  for (; from + 4 < read; from += 3) visit(hashOf(word, from, from + 4, from === 0, false))
  if (length <= LONGEST_WORD) visit(hashOf(word, Math.max(0, read - 4), read, from === 0, true))
}

function hashOf(bytes: Uint8Array, start: number, end: number, hasStart: boolean, hasEnd: boolean): number {
  let hash = hasStart ? Math.imul(SEED ^ SPACE, PRIME) : SEED
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, PRIME)
  if (hasEnd) hash = Math.imul(hash ^ SPACE, PRIME)
  return mix32(hash)
}

/** Puts a character of the basic plane into `word` as UTF-8; returns where the next one goes. */
function append(at: number, unit: number): number {
  if (unit < 0x80) word[at++] = unit
  else if (unit < 0x800) {
    word[at++] = 0xc0 | (unit >> 6)
    word[at++] = 0x80 | (unit & 0x3f)
  } else {
    word[at++] = 0xe0 | (unit >> 12)
    word[at++] = 0x80 | ((unit >> 6) & 0x3f)
    word[at++] = 0x80 | (unit & 0x3f)
  }
  return at
}

/** Letters are; an apostrophe is before a letter. */
function isOfWord(text: string, at: number, unit: number): boolean {
  if (isLetter(unit)) return true
  return unit >= 39 && APOSTROPHES.includes(text[at]!) && at + 1 < text.length && isLetter(text.charCodeAt(at + 1))
}

const UNKNOWN = 0
const LETTER = 1
const OTHER = 2
const kinds = new Uint8Array(65536)

function isLetter(unit: number): boolean {
  if (kinds[unit] === UNKNOWN) kinds[unit] = /\p{L}/u.test(String.fromCharCode(unit)) ? LETTER : OTHER
  return kinds[unit] === LETTER
}
