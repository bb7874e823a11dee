import { hash53 } from '../text/hash.ts'

/** Which model a conversation has; a bounded number of them. */
export interface StickyModels {
  modelOf(key: string): string | undefined
  keep(key: string, model: string): void
}

/** Conversations that have one model, as processes tell each other: no text, only hashes. */
export interface KeptModel {
  readonly model: string
  readonly hashes: readonly number[]
}

/** The same, and what other processes are told of it. */
export interface SharedStickyModels extends StickyModels {
  /** Remembers what another process does. */
  learn(kept: KeptModel): void
  /** All that it remembers, each model once. */
  all(): readonly KeptModel[]
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
export function createStickyModels(buckets = BUCKETS): SharedStickyModels {
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

  function remember(hash: number, model: number): void {
    const place = placeOf(hash)
    hashes[place] = hash
    models[place] = model
    asked[place] = ++questions
  }

  function numberOf(model: string): number {
    const known = names.indexOf(model)
    return known < 0 ? names.push(model) - 1 : known
  }

  return {
    modelOf(key) {
      const hash = stickyHash(key)
      const place = placeOf(hash)
      if (hashes[place] !== hash) return undefined
      asked[place] = ++questions
      return names[models[place]!]
    },
    keep(key, model) {
      remember(stickyHash(key), numberOf(model))
    },
    learn({ model, hashes: learned }) {
      const number = numberOf(model)
      for (const hash of learned) remember(hash, number)
    },
    all() {
      const kept = names.map((model): KeptModel & { hashes: number[] } => ({ model, hashes: [] }))
      for (const [place, hash] of hashes.entries()) if (hash !== 0) kept[models[place]!]!.hashes.push(hash)
      return kept
    },
  }
}

/** By which a conversation is known: a whole number from 1 to 2^53 − 1. */
export function stickyHash(key: string): number {
  return hash53(key) || 1
}
