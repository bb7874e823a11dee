import { mix32 } from './hash.ts'

/** UTF-16 units of the longest piece. */
const LONGEST = 16
const PRIME = 0x01000193
const START_SEED = 0x811c9dc5
const INSIDE_SEED = 0x2b7e1516
/** Of a slot: the upper bits tell pieces apart, the lower hold the number of the piece, from 1. 0 is a free slot. */
const NUMBER_BITS = 17
const NUMBER_MASK = (1 << NUMBER_BITS) - 1

const [LETTER, BLANK, SIGN, UNSPACED] = [0, 1, 2, 3] as const

/**
 * Cuts the beginning of a text into pieces of a vocabulary and visits the number of each. A run of letters and digits, or of
 * a script that sets no spaces between words, is one piece where the vocabulary has it, else its longest pieces from left to
 * right; every other character but white space is a piece of its own. Case and forms of a character (NFKC) are one. What is
 * in no piece is number 0.
 * @param slots the vocabulary, as checkpoints/recipes/static makes it: a hash table with open addressing, its length a power of 2.
 * @param most pieces that are visited.
 */
export function visitPieces(text: string, slots: Int32Array, most: number, visit: (piece: number) => void): void {
  const folded = folding(text, most * LONGEST)
  let left = most
  for (let start = 0; start < folded.length && left > 0; ) {
    const kind = kinds[folded.charCodeAt(start)]!
    let end = start + 1
    if (kind === BLANK) {
      start = end
      continue
    }
    let hash = Math.imul(START_SEED ^ folded.charCodeAt(start), PRIME)
    if (kind === SIGN) {
      if (isPair(folded, start)) hash = Math.imul(hash ^ folded.charCodeAt(end++), PRIME)
    } else {
      for (; end < folded.length; end++) {
        const unit = folded.charCodeAt(end)
        if (kinds[unit] !== kind) break
        hash = Math.imul(hash ^ unit, PRIME)
      }
    }
    // Most runs are one piece.
    const piece = end - start > LONGEST ? 0 : find(slots, mix32(hash))
    if (piece > 0) {
      visit(piece - 1)
      left--
    } else left = visitRun(folded, start, end, kind === LETTER ? INSIDE_SEED : START_SEED, slots, left, visit)
    start = end
  }
}

/** Lower case, one form per character, and no longer than can count. */
function folding(text: string, most: number): string {
  let from = 0
  while (from < text.length && kinds[text.charCodeAt(from)] === BLANK) from++
  const head = text.length - from > most ? text.slice(from, from + most) : text
  return (/^[\0-\x7f]*$/.test(head) ? head : head.normalize('NFKC')).toLowerCase()
}

/** Visits the longest pieces of a run, `most` at most; returns how many are left of them. */
function visitRun(
  text: string,
  start: number,
  end: number,
  insideSeed: number,
  slots: Int32Array,
  most: number,
  visit: (piece: number) => void,
): number {
  let left = most
  for (let from = start; from < end && left > 0; left--) {
    const seed = from === start ? START_SEED : insideSeed
    let hash = seed
    const last = Math.min(end, from + LONGEST)
    for (let i = from; i < last; i++) {
      hash = Math.imul(hash ^ text.charCodeAt(i), PRIME)
      prefixes[i - from] = hash
    }
    let length = last - from
    let piece = 0
    while (length > 0 && piece === 0) piece = find(slots, mix32(prefixes[--length]!))
    visit(piece === 0 ? 0 : piece - 1)
    from += piece === 0 && isPair(text, from) ? 2 : length + 1
  }
  return left
}

/** Hashes of the beginnings of what is being cut. */
const prefixes = new Int32Array(LONGEST)

/** Number of the piece, from 1; 0 where there is none. */
function find(slots: Int32Array, hash: number): number {
  const mask = slots.length - 1
  for (let place = hash & mask; slots[place] !== 0; place = (place + 1) & mask) {
    const slot = slots[place]!
    if (((slot ^ hash) & ~NUMBER_MASK) === 0) return slot & NUMBER_MASK
  }
  return 0
}

function isPair(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00
}

/** Ranges of UTF-16 units, first and last; what is in none is a letter or digit. The same as in checkpoints/recipes/static/pieces.py. */
const ranges: Readonly<Record<number, readonly number[]>> = {
  [BLANK]: [
    0, 0x20, 0x7f, 0xa0, 0xad, 0xad, 0x1680, 0x1680, 0x2000, 0x200f, 0x2028, 0x202f, 0x205f, 0x206f, 0x3000, 0x3000,
    0xfe00, 0xfe0f, 0xfeff, 0xfeff,
  ],
  [SIGN]: [
    0x21, 0x2f, 0x3a, 0x40, 0x5b, 0x60, 0x7b, 0x7e, 0xa1, 0xa9, 0xab, 0xac, 0xae, 0xb4, 0xb6, 0xb9, 0xbb, 0xbf, 0xd7,
    0xd7, 0xf7, 0xf7, 0x60c, 0x60c, 0x61b, 0x61b, 0x61f, 0x61f, 0x6d4, 0x6d4, 0x964, 0x965, 0x2010, 0x2027, 0x2030,
    0x205e, 0x2070, 0x2bff, 0x3001, 0x3004, 0x3008, 0x3020, 0x302a, 0x3030, 0x3036, 0x303a, 0x303c, 0x303f, 0xd800,
    0xd83f, 0xd8c0, 0xdbff, 0xe000, 0xf8ff, 0xff00, 0xffef,
  ],
  [UNSPACED]: [
    0xe00, 0x109f, 0x1780, 0x17ff, 0x2e80, 0x2fff, 0x3005, 0x3007, 0x3021, 0x3029, 0x3031, 0x3035, 0x303b, 0x303b,
    0x3040, 0x312f, 0x3190, 0x31ff, 0x3400, 0x4dbf, 0x4e00, 0x9fff, 0xd840, 0xd8bf, 0xdc00, 0xdfff, 0xf900, 0xfaff,
  ],
}

const kinds = new Uint8Array(65536)
for (const [kind, bounds] of Object.entries(ranges)) {
  for (let i = 0; i < bounds.length; i += 2) kinds.fill(Number(kind), bounds[i]!, bounds[i + 1]! + 1)
}
