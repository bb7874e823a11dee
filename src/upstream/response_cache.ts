import type { ResponseCacheOptions } from '../call_types.ts'
import { createLru } from '../io/lru.ts'
import { openDiskCache } from './disk_cache.ts'

/** Bytes by key, until they are too old or too many. */
export interface ByteCache {
  get(key: string): Promise<Uint8Array | undefined>
  /** What does not fit, or cannot be written, is not kept: a cache never fails a call. */
  set(key: string, bytes: Uint8Array): void
  /** Waits until all is written. */
  close(): Promise<void>
}

/** Beside the bytes of an entry, what its key and place take. */
const ENTRY_BYTES = 256

/**
 * The least recently used go first; on disk the oldest.
 * @param now milliseconds since 1970.
 * @throws DataError where the folder cannot be used.
 */
export async function openResponseCache(
  { ttl = 86_400_000, maxBytes = 64 * 2 ** 20, folder, maxDiskBytes = 2 ** 30 }: ResponseCacheOptions,
  now: () => number,
): Promise<ByteCache> {
  const disk = folder === undefined ? undefined : await openDiskCache({ folder, maxBytes: maxDiskBytes, now })
  const memory = createLru<{ readonly bytes: Uint8Array; readonly expires: number }>({
    mostBytes: maxBytes,
    bytesOf: ({ bytes }) => bytes.length + ENTRY_BYTES,
  })
  return {
    async get(key) {
      const entry = memory.get(key)
      if (entry && entry.expires > now()) return entry.bytes
      if (entry) memory.delete(key)
      const stored = await disk?.get(key)
      if (stored) memory.set(key, stored)
      return stored?.bytes
    },
    set(key, bytes) {
      const expires = now() + ttl
      memory.set(key, { bytes, expires })
      disk?.set(key, bytes, expires)
    },
    close: async () => disk?.close(),
  }
}
