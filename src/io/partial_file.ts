import { existsSync, realpathSync } from 'node:fs'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { DataError, UsageError } from '../errors.ts'

/** A file that is written under another name and gets its own only when it is complete. */
export interface PartialFile {
  /** Bytes written so far. */
  length(): number
  /** Appends. Throws DataError where it cannot, as when the disk is full. */
  write(bytes: Uint8Array): Promise<void>
  /** Makes sure that what was written is on the disk, and closes. */
  close(): Promise<void>
}

/**
 * Opens the partial file of `file`.
 * @param kept bytes to keep of what an earlier run wrote; the rest is cut off.
 * @throws DataError where it cannot be written.
 */
export async function openPartial(file: string, kept: number): Promise<PartialFile> {
  let handle: FileHandle
  let length = kept
  try {
    handle = await open(partialName(file), kept > 0 ? 'r+' : 'w')
    await handle.truncate(kept)
  } catch (error) {
    throw unwritable(file, error)
  }
  return {
    length: () => length,
    async write(bytes) {
      try {
        let written = 0
        while (written < bytes.length) {
          const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, length)
          written += bytesWritten
          length += bytesWritten
        }
      } catch (error) {
        throw unwritable(file, error)
      }
    },
    async close() {
      try {
        await handle.datasync()
        await handle.close()
      } catch (error) {
        throw unwritable(file, error)
      }
    },
  }
}

/** Gives the partial file its own name; an existing file of that name is replaced. Does nothing where there is none. */
export async function commitPartial(file: string): Promise<void> {
  try {
    if (existsSync(partialName(file))) await rename(partialName(file), targetOf(file))
  } catch (error) {
    throw unwritable(file, error)
  }
}

/** Removes the partial file of `file`, if there is one. */
export async function discardPartial(file: string): Promise<void> {
  await rm(partialName(file), { force: true })
}

/** Bytes of the partial file; undefined where there is none. */
export async function partialLength(file: string): Promise<number | undefined> {
  return lengthOf(partialName(file))
}

/** Bytes of a file; undefined where there is none. */
export async function lengthOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size
  } catch {
    return undefined
  }
}

/** Throws UsageError where `file` is something that a finished file must not replace: a directory, a device, a pipe. */
export async function requireReplaceable(file: string, flag: string): Promise<void> {
  const found = await stat(file).catch(() => undefined)
  if (!found || found.isFile()) return
  const kind = found.isDirectory() ? 'a directory' : 'a device or pipe; without -o the rows go to standard output'
  throw new UsageError(`${flag} ${file}: expected a file, got ${kind}.`)
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such directory',
  ENOTDIR: 'no such directory',
  EISDIR: 'a directory',
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'a read-only file system',
  ENOSPC: 'a full disk',
  EDQUOT: 'a full quota',
}

/** The error of a file that cannot be written, from what the system said. */
export function unwritable(file: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined) return error
  const reason = Object.hasOwn(REASONS, code) ? REASONS[code] : code
  return new DataError(file, undefined, `expected a place that can be written, got ${reason}.`)
}

function partialName(file: string): string {
  return `${targetOf(file)}.partial`
}

/** A link keeps pointing to the file that is replaced. */
function targetOf(file: string): string {
  return existsSync(file) ? realpathSync(file) : file
}
