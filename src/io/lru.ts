import { LRUCache } from 'lru-cache'

/** Values by key, the least recently used of which go when there are too many. */
export interface Lru<V> {
  get(key: string): V | undefined
  set(key: string, value: V): void
  delete(key: string): void
}

/** At least one of `most` and `mostBytes`. */
export interface LruOptions<V> {
  /** Entries. */
  readonly most?: number
  /** Of all entries together, as `bytesOf` counts them; one that is larger by itself is not kept. */
  readonly mostBytes?: number
  readonly bytesOf?: (value: V) => number
  /** Milliseconds after its last use that an entry is kept. Default: no limit. */
  readonly idle?: number
}

/** Empty at first. */
export function createLru<V extends object | string>({ most, mostBytes, bytesOf, idle }: LruOptions<V>): Lru<V> {
  const cache = new LRUCache<string, V>({
    ...(most === undefined ? {} : { max: most }),
    ...(mostBytes === undefined ? {} : { maxSize: mostBytes }),
    ...(bytesOf === undefined ? {} : { sizeCalculation: bytesOf }),
    ...(idle === undefined ? {} : { ttl: idle, updateAgeOnGet: true }),
  } as LRUCache.Options<string, V, unknown>)
  return {
    get: key => cache.get(key),
    set(key, value) {
      cache.set(key, value)
    },
    delete(key) {
      cache.delete(key)
    },
  }
}
