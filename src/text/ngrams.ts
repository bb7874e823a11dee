import { mix32 } from './hash.ts'

const PRIME = 0x01000193
const WORD_SEED = 0x811c9dc5
const PAIR_SEED = 0x2b7e1516
const CHARACTERS_SEED = 0x5bd1e995
/** Numbers of the kinds of n-gram; their names are in `ngramKinds`. */
export const [WORD, PAIR, CHARACTERS] = [0, 1, 2] as const
const LEAST = 3
const MOST = 5
const SPACE = 32

/** The kinds of n-gram; the number of a kind is its place in this list. */
export const ngramKinds: readonly string[] = ['word', 'pair', 'characters']

/** Receives the hash (32 bits, unsigned) of each n-gram, its kind, and where it stands in the lower-cased text. */
export type NgramVisitor = (hash: number, kind: number, start: number, end: number) => void

/**
 * Visits the n-grams of a text, lower-cased: words, pairs of neighbouring words, and runs of 3 to 5 characters inside
 * a word that is given a space on either side (`least` to `most` where given). A word is as `visitWords` says.
 */
export function visitNgrams(text: string, visit: NgramVisitor, least = LEAST, most = MOST): void {
  const lower = text.toLowerCase()
  let previous = 0
  let previousStart = 0
  visitWords(lower, Number.POSITIVE_INFINITY, (hash, start, end) => {
    visit(mix32(hash), WORD, start, end)
    if (previous !== 0) visit(pairHash(previous, hash), PAIR, previousStart, end)
    if (kindOf(lower.charCodeAt(start)) === LETTER) visitCharacters(lower, start, end, visit, least, most)
    previous = hash
    previousStart = start
  })
}

/**
 * Visits the words of a lower-cased text: runs of letters and digits of any script, cut after `longest` UTF-16 units, and
 * every other character but white space. `hash` is not yet mixed; see `pairHash`.
 */
export function visitWords(
  lower: string,
  longest: number,
  visit: (hash: number, start: number, end: number) => void,
): void {
  for (let start = 0; start < lower.length; ) {
    const kind = kindOf(lower.charCodeAt(start))
    let end = start + 1
    if (kind !== BLANK) {
      const last = kind === LETTER ? Math.min(lower.length, start + longest) : end
      let hash = Math.imul(WORD_SEED ^ lower.charCodeAt(start), PRIME)
      for (; end < last && kindOf(lower.charCodeAt(end)) === LETTER; end++) {
        hash = Math.imul(hash ^ lower.charCodeAt(end), PRIME)
      }
      visit(hash, start, end)
    }
    start = end
  }
}

/** The hash of two neighbouring words, from theirs. Unsigned. */
export function pairHash(first: number, second: number): number {
  return mix32(Math.imul(first, 31) ^ second ^ PAIR_SEED)
}

function visitCharacters(
  lower: string,
  start: number,
  end: number,
  visit: NgramVisitor,
  least: number,
  most: number,
): void {
  for (let from = start - 1; from + least <= end + 1; from++) {
    let hash = CHARACTERS_SEED
    const last = Math.min(from + most, end + 1)
    for (let i = from; i < last; i++) {
      hash = Math.imul(hash ^ (i < start || i >= end ? SPACE : lower.charCodeAt(i)), PRIME)
      if (i - from + 1 >= least) visit(mix32(hash), CHARACTERS, from, i + 1)
    }
  }
}

const BLANK = 0
const LETTER = 1
const SIGN = 2

/** ASCII by table; beyond it, the blocks of punctuation and symbols are signs and the rest are letters. */
function kindOf(code: number): number {
  if (code < 128) return ascii[code]!
  if (code === 0xa0 || code === 0x3000 || (code >= 0x2000 && code <= 0x200a) || code === 0x2028 || code === 0x2029)
    return BLANK
  if (code < 0xc0 || code === 0xd7 || code === 0xf7)
    return code === 0xaa || code === 0xb5 || code === 0xba ? LETTER : SIGN
  if (code >= 0x2010 && code <= 0x2bff) return SIGN
  if ((code >= 0x3001 && code <= 0x303f) || (code >= 0xff01 && code <= 0xff0f)) return SIGN
  return LETTER
}

const ascii = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (code <= 32 || code === 127) return BLANK
  return /[a-z0-9]/i.test(character) ? LETTER : SIGN
})
