import { mix32 } from './hash.ts'
import { createWordCutter, isLetter } from './words.ts'

const PRIME = 0x01000193
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
 * a word that is given a space on either side (`least` to `most` where given). A word is as `createWordCutter` says.
 */
export function visitNgrams(text: string, visit: NgramVisitor, least = LEAST, most = MOST): void {
  const lower = text.toLowerCase()
  const count = words.cut(lower, Number.POSITIVE_INFINITY)
  const { hashes, starts, ends } = words
  for (let i = 0; i < count; i++) {
    const hash = hashes[i]!
    const start = starts[i]!
    const end = ends[i]!
    visit(mix32(hash), WORD, start, end)
    if (i > 0) visit(pairHash(hashes[i - 1]!, hash), PAIR, starts[i - 1]!, end)
    if (isLetter(lower.charCodeAt(start))) visitCharacters(lower, start, end, visit, least, most)
  }
}

/** A word in a lower-cased text: where it stands, and its hash, not yet mixed. */
export interface CutWord {
  readonly text: string
  readonly start: number
  readonly end: number
  readonly hash: number
}

/** Visits what `visitNgrams` does of a text that is this word alone. */
export function visitWord({ text, start, end, hash }: CutWord, visit: NgramVisitor, least = LEAST, most = MOST): void {
  visit(mix32(hash), WORD, start, end)
  if (isLetter(text.charCodeAt(start))) visitCharacters(text, start, end, visit, least, most)
}

/** Of texts one after the other: a visitor must not visit the n-grams of another text. */
const words = createWordCutter()

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
