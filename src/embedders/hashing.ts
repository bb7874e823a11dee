import { UsageError } from '../errors.ts'
import { normalize } from '../math/vectors.ts'
import { visitNgrams } from '../text/ngrams.ts'
import type { Embedder } from '../types.ts'
import type { EmbedderOptions } from './registry.ts'

/** Runs of 2 to 4 characters rank better than 3 to 5 where there are few places to hash into. */
const LEAST = 2
const MOST = 4
const MOST_DIMENSIONS = 32768
/** Places of the table that counts the features of one text. */
const LARGEST_TABLE = 1 << 16

/** By how much 1 + ln(count) grows at the count-th sight of a feature. */
const GROWTH = Float64Array.from({ length: 256 }, (_, count) => (count < 2 ? 1 : Math.log(count / (count - 1))))

/**
 * Signed feature hashing (Weinberger et al. 2009) of words, pairs of neighbouring words and runs of 2 to 4 characters
 * inside words, each weighted 1 + ln(count); unit length. Lower and upper case are one. A text without a character that
 * is not white space gives a zero row.
 * @param options `dimensions`: 1..32768, default 256.
 * @throws UsageError where dimensions are out of range.
 */
export async function create({ dimensions = 256 }: EmbedderOptions): Promise<Embedder> {
  if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > MOST_DIMENSIONS) {
    throw new UsageError(`hashing: expected 1 to ${MOST_DIMENSIONS} dimensions, got ${dimensions}.`)
  }
  const addFeatures = createFeatureAdder(dimensions)
  return {
    id: 'hashing',
    dimensions,
    async embed(texts) {
      const vectors = new Float32Array(texts.length * dimensions)
      for (let i = 0; i < texts.length; i++) {
        const row = vectors.subarray(i * dimensions, (i + 1) * dimensions)
        addFeatures(texts[i]!, row)
        normalize(row)
      }
      return vectors
    },
  }
}

/** Adds the features of a text to a zero row. Keeps 320 KiB of scratch memory, however long the texts. */
function createFeatureAdder(dimensions: number): (text: string, row: Float32Array) => void {
  const keys = new Uint32Array(LARGEST_TABLE)
  const counts = new Uint8Array(LARGEST_TABLE)
  let mask = 0
  let target: Float32Array = new Float32Array(0)
  const add = (hash: number) => {
    // No probing: a newcomer evicts, and on very long texts a count may start again. That is all that is lost.
    const place = hash & mask
    const count = keys[place] === hash && counts[place]! > 0 ? Math.min(255, counts[place]! + 1) : 1
    keys[place] = hash
    counts[place] = count
    const index = Math.imul(hash >>> 16, dimensions) >>> 16
    target[index]! += (hash & 0x8000) === 0 ? GROWTH[count]! : -GROWTH[count]!
  }
  return (text, row) => {
    const size = Math.min(LARGEST_TABLE, 1 << (32 - Math.clz32(text.length * 4 + 255)))
    counts.fill(0, 0, size)
    mask = size - 1
    target = row
    visitNgrams(text, add, LEAST, MOST)
  }
}
