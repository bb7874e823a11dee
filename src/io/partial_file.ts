import { existsSync, realpathSync } from 'node:fs'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { UsageError } from '../errors.ts'
import { unwritable } from './file_errors.ts'

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

/** The file's path without links; the folder's, where there is no such file. Equal for two names of one file. */
export function realPathOf(file: string): string {
  const path = resolve(file)
  try {
    return realpathSync.native(path)
  } catch {
    return path === dirname(path) ? path : join(realPathOf(dirname(path)), basename(path))
  }
}

/** Throws UsageError where `file` is something that a finished file must not replace: a directory, a device, a pipe. */
export async function requireReplaceable(file: string, flag: string): Promise<void> {
  const found = await stat(file).catch(() => undefined)
  if (!found || found.isFile()) return
  const kind = found.isDirectory() ? 'a directory' : 'a device or pipe; without -o the rows go to standard output'
  throw new UsageError(`${flag} ${file}: expected a file, got ${kind}.`)
}

/** Under which name `file` is written before it is complete. */
export function partialName(file: string): string {
  return `${targetOf(file)}.partial`
}

/** A link keeps pointing to the file that is replaced. */
function targetOf(file: string): string {
  return existsSync(file) ? realpathSync(file) : file
}
