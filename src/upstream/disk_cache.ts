import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { unwritable } from '../io/file_errors.ts'

/** Bytes by key in a folder, each in a file of its own that appears whole or not at all. */
export interface DiskCache {
  get(key: string): Promise<{ readonly bytes: Uint8Array; readonly expires: number } | undefined>
  set(key: string, bytes: Uint8Array, expires: number): void
  close(): Promise<void>
}

/** A file: these bytes, when it expires (float64, little endian, milliseconds since 1970), and the rest. */
const MAGIC = Buffer.from('llmrans1')
const HEAD = MAGIC.length + 8

/** Others' files in the folder are left alone. */
const OWN = /^[0-9a-f]{64}\.answer$/

/**
 * @param maxBytes of all files; the oldest go when there are more.
 * @param now milliseconds since 1970.
 * @throws DataError where the folder cannot be made or read.
 */
export async function openDiskCache({
  folder,
  maxBytes,
  now,
}: {
  readonly folder: string
  readonly maxBytes: number
  readonly now: () => number
}): Promise<DiskCache> {
  let sizes: Map<string, number>
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    sizes = await sizesIn(folder)
  } catch (error) {
    throw unwritable(folder, error)
  }
  let total = sum(sizes)
  let writing: Promise<void> = Promise.resolve()

  const remove = async (name: string) => {
    total -= sizes.get(name) ?? 0
    sizes.delete(name)
    await rm(join(folder, name), { force: true })
  }
  const write = async (name: string, bytes: Uint8Array, expires: number) => {
    const partial = join(folder, `${name}.${randomBytes(6).toString('hex')}.partial`)
    try {
      const head = Buffer.alloc(HEAD)
      MAGIC.copy(head)
      head.writeDoubleLE(expires, MAGIC.length)
      const file = await open(partial, 'wx', 0o600)
      try {
        await file.writev([head, bytes])
      } finally {
        await file.close()
      }
      await rename(partial, join(folder, name))
      total += HEAD + bytes.length - (sizes.get(name) ?? 0)
      sizes.delete(name)
      sizes.set(name, HEAD + bytes.length)
      for (const [oldest] of sizes) {
        if (total <= maxBytes) break
        await remove(oldest)
      }
    } catch {
      await rm(partial, { force: true }).catch(() => {})
    }
  }
  return {
    async get(key) {
      const name = `${key}.answer`
      try {
        const file = await readFile(join(folder, name))
        const expires = file.length < HEAD ? 0 : file.readDoubleLE(MAGIC.length)
        if (file.subarray(0, MAGIC.length).equals(MAGIC) && expires > now())
          return { bytes: file.subarray(HEAD), expires }
        await remove(name)
      } catch {
        // Not there, or not to be read: the model is asked.
      }
      return undefined
    },
    set(key, bytes, expires) {
      if (HEAD + bytes.length <= maxBytes) writing = writing.then(() => write(`${key}.answer`, bytes, expires))
    },
    close: () => writing,
  }
}

/** Bytes of each own file, oldest first. Leftovers of a process that was killed while writing are removed. */
async function sizesIn(folder: string): Promise<Map<string, number>> {
  const found: { name: string; size: number; time: number }[] = []
  for (const name of await readdir(folder)) {
    const isOwn = OWN.test(name)
    const isLeftover = /^[0-9a-f]{64}\.answer\.[0-9a-f]{12}\.partial$/.test(name)
    if (!isOwn && !isLeftover) continue
    const { size, mtimeMs } = await stat(join(folder, name)).catch(() => ({ size: 0, mtimeMs: 0 }))
    if (isOwn) found.push({ name, size, time: mtimeMs })
    else if (mtimeMs < Date.now() - 60_000) await rm(join(folder, name), { force: true })
  }
  found.sort((a, b) => a.time - b.time)
  return new Map(found.map(({ name, size }) => [name, size]))
}

function sum(sizes: ReadonlyMap<string, number>): number {
  let total = 0
  for (const size of sizes.values()) total += size
  return total
}
