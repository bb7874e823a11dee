import { ngramKinds, visitNgrams } from './ngrams.ts'

/** Each kind of n-gram has a hash table of 2^17 places; the index of an n-gram is kind · 2^17 + place. */
export const NGRAM_BITS = 17

/** How many indexes there are over all kinds. */
export const NGRAM_INDEXES = ngramKinds.length << NGRAM_BITS

/** Counts the n-grams of one text after another into buffers that it keeps. */
export interface NgramCounter {
  /** Counts `text`; returns how many entries of `indexes` and `counts` are its own. */
  count(text: string): number
  readonly indexes: Int32Array
  readonly counts: Float32Array
}

/** A counter; one serves any number of texts, one at a time. */
export function createNgramCounter(): NgramCounter {
  const places = new Float32Array(NGRAM_INDEXES)
  const indexes = new Int32Array(NGRAM_INDEXES)
  const counts = new Float32Array(NGRAM_INDEXES)
  let length = 0
  const visit = (hash: number, kind: number) => {
    const index = ngramIndex(hash, kind)
    if (places[index] === 0) indexes[length++] = index
    places[index]!++
  }
  return {
    indexes,
    counts,
    count(text) {
      length = 0
      visitNgrams(text, visit)
      for (let k = 0; k < length; k++) {
        const index = indexes[k]!
        counts[k] = places[index]!
        places[index] = 0
      }
      return length
    },
  }
}

/** The index of an n-gram by its hash and kind. */
export function ngramIndex(hash: number, kind: number): number {
  return (kind << NGRAM_BITS) | (hash & ((1 << NGRAM_BITS) - 1))
}

/** 1 + ln(count): a word said ten times says little more than one said twice. */
export function termFrequency(count: number): number {
  return count < FREQUENCIES ? frequencies[count]! : 1 + Math.log(count)
}

/** Of the counts that come up all the time. */
const FREQUENCIES = 64
const frequencies = Float64Array.from({ length: FREQUENCIES }, (_, count) => 1 + Math.log(count))
