import { hash53 } from '../text/hash.ts'

/** Which model a conversation has; a bounded number of them. */
export interface StickyModels {
  modelOf(key: string): string | undefined
  keep(key: string, model: string): void
}

/** Conversations in one bucket: of those that fall into it, the ones last asked about stay. */
const BUCKET = 8
/** So that of the latest 100,000 all but two in a thousand are remembered. */
const BUCKETS = 1 << 15

/**
 * Remembers the conversations that were last asked about, by 53 bits of hash. Memory is that of the places, however long the
 * server runs.
 * @param buckets a power of 2.
 */
export function createStickyModels(buckets = BUCKETS): StickyModels {
  const places = buckets * BUCKET
  /** 0 where a place is free. */
  const hashes = new Float64Array(places)
  /** Numbers of models in `names`. */
  const models = new Uint16Array(places)
  /** When it was last asked about, counted in questions; 0 where a place is free. */
  const asked = new Uint32Array(places)
  const names: string[] = []
  let questions = 0

  /** Its place, or the one that it may take. */
  function placeOf(hash: number): number {
    const first = (hash & (buckets - 1)) * BUCKET
    let oldest = first
    for (let place = first; place < first + BUCKET; place++) {
      if (hashes[place] === hash) return place
      if (asked[place]! < asked[oldest]!) oldest = place
    }
    return oldest
  }

  return {
    modelOf(key) {
      const hash = hashOf(key)
      const place = placeOf(hash)
      if (hashes[place] !== hash) return undefined
      asked[place] = ++questions
      return names[models[place]!]
    },
    keep(key, model) {
      const hash = hashOf(key)
      const place = placeOf(hash)
      if (!names.includes(model)) names.push(model)
      hashes[place] = hash
      models[place] = names.indexOf(model)
      asked[place] = ++questions
    },
  }
}

/** At least 1. */
function hashOf(key: string): number {
  return hash53(key) || 1
}
