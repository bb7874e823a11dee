import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Cache } from '../types.ts'
import { cacheFolder } from './cache_folder.ts'

const DIGEST = 8

/**
 * Embeddings on disk, one file each under the SHA-256 of its key, so that no prompt can be read there. An entry that is
 * damaged counts as absent; one that cannot be written is not kept.
 */
export function createEmbeddingCache(folder = cacheFolder()): Cache {
  const fileOf = (key: string) => {
    const name = createHash('sha256').update(key).digest('hex')
    return join(folder, 'embeddings', name.slice(0, 2), name.slice(2))
  }
  let written = 0
  return {
    async get(key) {
      try {
        return unpack(await readFile(fileOf(key)))
      } catch {
        return undefined
      }
    },
    async set(key, value) {
      const file = fileOf(key)
      const partial = `${file}.${process.pid}.${written++}`
      try {
        await mkdir(dirname(file), { recursive: true })
        await writeFile(partial, pack(value))
        await rename(partial, file)
      } catch {
        await rm(partial, { force: true }).catch(() => undefined)
      }
    },
  }
}

/** The numbers, behind the start of their own SHA-256. */
function pack(value: Float32Array): Uint8Array {
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  return Buffer.concat([digest(bytes), bytes])
}

function unpack(file: Uint8Array): Float32Array | undefined {
  const bytes = file.slice(DIGEST)
  if (bytes.length === 0 || bytes.length % 4 !== 0) return undefined
  if (!digest(bytes).equals(file.subarray(0, DIGEST))) return undefined
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest().subarray(0, DIGEST)
}
