import { createUnitRow } from '../math/unit_rows.ts'
import { createCodeSums } from '../math/word_sums.ts'
import { visitWord } from '../text/ngrams.ts'
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
  const toUnit = createUnitRow(new Float32Array(WORDING_DIMENSIONS))
  const ngrams = createCodeSums(WORDING_DIMENSIONS)
  let pairCodes = new Uint16Array(1 << 10)
  const add = (hash: number) => ngrams.add(codeOf(hash))
  vocabulary.onWord((word, number) => {
    ngrams.begin(number)
    visitWord(word, add, LEAST, MOST)
  })
  return row => {
    const { words, frequencies, wordCount, pairs, pairCount } = vocabulary
    if (pairCount > pairCodes.length) pairCodes = new Uint16Array(pairCount)
    for (let i = 0; i < pairCount; i++) pairCodes[i] = codeOf(pairs[i]!)
    toUnit(ngrams.sum(words, frequencies, wordCount, pairCodes, pairCount), 0, row, 0)
  }
}

/** Place · 2, + 1 where it is subtracted. */
function codeOf(hash: number): number {
  return (Math.imul(hash >>> 16, WORDING_DIMENSIONS) >>> 16) * 2 + ((hash >>> 15) & 1)
}
