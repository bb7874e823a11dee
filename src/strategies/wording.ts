import { normalize } from '../math/vectors.ts'
import { termFrequency } from '../text/ngram_counts.ts'
import { PAIR, visitNgrams } from '../text/ngrams.ts'
import type { Vocabulary } from '../text/vocabulary.ts'

/** Numbers of a wording. */
export const WORDING_DIMENSIONS = 256
/** Runs of 2 to 4 characters, as the hashing embedder has them. */
const [LEAST, MOST] = [2, 4]

/**
 * How a prompt is worded: signed feature hashing as the `hashing` embedder does it, except that a run of characters counts by the
 * words it is in, so that a word that was seen before costs no hashing again. Fills a row with the numbers of the text that
 * `vocabulary` has read, at unit length.
 */
export function createWording(vocabulary: Vocabulary): (row: Float32Array) => void {
  /** Place · 2, + 1 where it is subtracted; those of a word lie together. */
  let codes = new Uint16Array(1 << 14)
  let ends = new Int32Array(1 << 12)
  let end = 0
  vocabulary.onWord((word, number) => {
    if (number === 0) end = 0
    visitNgrams(
      word,
      (hash, kind) => {
        if (kind === PAIR) return
        if (end === codes.length) codes = doubled(codes, new Uint16Array(end * 2))
        codes[end++] = codeOf(hash)
      },
      LEAST,
      MOST,
    )
    if (number === ends.length) ends = doubled(ends, new Int32Array(number * 2))
    ends[number] = end
  })
  return row => {
    row.fill(0)
    const { words, counts, wordCount, pairs, pairCount } = vocabulary
    for (let i = 0; i < wordCount; i++) {
      const number = words[i]!
      const frequency = termFrequency(counts[i]!)
      const last = ends[number]!
      for (let k = number === 0 ? 0 : ends[number - 1]!; k < last; k++) add(row, codes[k]!, frequency)
    }
    for (let i = 0; i < pairCount; i++) add(row, codeOf(pairs[i]!), 1)
    normalize(row)
  }
}

function codeOf(hash: number): number {
  return (Math.imul(hash >>> 16, WORDING_DIMENSIONS) >>> 16) * 2 + ((hash >>> 15) & 1)
}

function add(row: Float32Array, code: number, value: number): void {
  // Signs are as good as random: a branch would be guessed wrong half of the time.
  row[code >> 1]! += value * (1 - 2 * (code & 1))
}

function doubled<T extends Uint16Array | Int32Array>(from: T, to: T): T {
  to.set(from)
  return to
}
