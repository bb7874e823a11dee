import { mix32 } from './hash.ts'

/** Of a long text the beginning and the end are read: there stands what is asked for. */
const HEAD = 1000
const TAIL = 400
/** Letters of a word that stand for its other forms. */
const STEM = 5
/** Words at the beginning that count by their place. */
const OPENING = 3
const PRIME = 0x01000193
const SEED = 0x811c9dc5
const [PAIR, STEMMED, FIRST, LENGTH, LAST] = [0x2b7e1516, 0x5bd1e995, 0x3c6ef372, 0x7f4a7c15, 0x165667b1]

/** How a text is worded. The arrays are used again for the next text. */
export interface Wording {
  readonly hashes: Uint32Array
  /** 1 where the hash is of a word as such. */
  readonly isWord: Uint8Array
  /** How many of them count. */
  readonly count: number
}

/** Hashes that a text can have: of each unit that is read a word, a pair, a beginning and a place, and two of the whole. */
const MOST = (HEAD + TAIL + 1) * 4 + 2
const hashes = new Uint32Array(MOST)
const isWord = new Uint8Array(MOST)
let last: { readonly text: string; readonly wording: Wording } | undefined

/**
 * Hashes of how a text is worded, for classifiers: its words (lower-cased, digits as 0), pairs of neighbours, the beginnings of
 * longer words, the first three and the last word by their place, and its length to the next power of 2. A sign is a word, and so
 * is a character of a script that sets no spaces. A hash comes as often as what it stands for. Several classifiers that ask about
 * one text after the other have it read once.
 */
export function wordingOf(text: string): Wording {
  if (last?.text === text) return last.wording
  let count = 0
  visitWording(text, (hash, word) => {
    hashes[count] = hash
    isWord[count++] = word
  })
  const wording = { hashes, isWord, count }
  last = { text, wording }
  return wording
}

function visitWording(text: string, visit: (hash: number, word: 0 | 1) => void): void {
  const trimmed = text.trim()
  const isLong = trimmed.length > HEAD + TAIL
  const read = isLong ? `${trimmed.slice(0, HEAD)} ${trimmed.slice(-TAIL)}` : trimmed
  const lower = read.toLowerCase()
  let previous = 0
  let count = 0
  for (let start = 0; start < lower.length; ) {
    const kind = kindOf(lower.charCodeAt(start))
    let end = start + 1
    if (kind === BLANK) {
      start = end
      continue
    }
    if (kind === LETTER || kind === DIGIT) while (end < lower.length && kindOf(lower.charCodeAt(end)) === kind) end++
    let hash = SEED
    for (let i = start; i < end; i++) {
      if (i === start + STEM && kind === LETTER) visit(mix32(hash ^ STEMMED), 0)
      hash = Math.imul(hash ^ (kind === DIGIT ? 48 : lower.charCodeAt(i)), PRIME)
    }
    visit(mix32(hash), 1)
    if (count > 0) visit(mix32(Math.imul(previous, 31) ^ hash ^ PAIR), 0)
    if (count < OPENING) visit(mix32(hash ^ (FIRST + count)), 0)
    previous = hash
    count++
    start = end
  }
  visit(mix32(previous ^ LAST), 0)
  visit(mix32(LENGTH + Math.round(Math.log2(trimmed.length + 1))), 0)
}

const [BLANK, LETTER, DIGIT, SIGN, UNSPACED] = [0, 1, 2, 3, 4] as const

function kindOf(code: number): number {
  if (code < 128) return ascii[code]!
  if (code === 0xa0 || code === 0x3000 || (code >= 0x2000 && code <= 0x200a)) return BLANK
  if (code < 0xc0 || code === 0xd7 || code === 0xf7 || (code >= 0x2010 && code <= 0x2bff)) return SIGN
  if ((code >= 0x3001 && code <= 0x303f) || (code >= 0xff01 && code <= 0xff0f)) return SIGN
  // Thai to Khmer, and the ideographs, kana and syllables of East Asia; Korean has spaces, but its endings vary.
  if ((code >= 0xe00 && code <= 0xfff) || (code >= 0x1780 && code <= 0x17ff) || (code >= 0x3040 && code <= 0xd7af))
    return UNSPACED
  return LETTER
}

const ascii = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (code <= 32 || code === 127) return BLANK
  if (/[0-9]/.test(character)) return DIGIT
  return /[a-z]/i.test(character) ? LETTER : SIGN
})
