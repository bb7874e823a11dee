import { open, rm } from 'node:fs/promises'
import type { Reject } from './framing.ts'
import { commitPartial, discardPartial, openPartial, type PartialFile } from './partial_file.ts'
import { quoted } from './row_writer.ts'

const HEADER = 'line,reason,raw\n'

/** Rejected rows on their way to a file, which is made when there is one. */
export interface RejectsFile {
  /** Bytes written so far. */
  length(): number
  /** Appends. Throws DataError where it cannot. */
  write(rejects: readonly Reject[]): Promise<void>
  close(): Promise<void>
  /** Gives the file its name, or removes one of an earlier run where nothing was rejected. */
  commit(): Promise<void>
}

/** @param kept bytes to keep of what an earlier run has written. */
export async function createRejectsFile(file: string, kept: number): Promise<RejectsFile> {
  let partial: PartialFile | undefined
  if (kept === 0) await discardPartial(file)
  return {
    length: () => partial?.length() ?? kept,
    async write(rejects) {
      if (rejects.length === 0) return
      partial ??= await openPartial(file, kept)
      const head = partial.length() === 0 ? HEADER : ''
      await partial.write(Buffer.from(head + rejects.map(reject => rejectLine(reject)).join('')))
    },
    async close() {
      await partial?.close()
    },
    async commit() {
      if (partial || kept > 0) await commitPartial(file)
      else if (await isRejectsFile(file)) await rm(file)
    },
  }
}

/** A rejected row as a line of CSV: line, reason and raw text, of which characters after `most` are left out. */
export function rejectLine({ line, reason, raw }: Reject, most = Number.POSITIVE_INFINITY): string {
  const shown = raw.length > most ? `${raw.slice(0, most)}…` : raw
  return `${line},${quoted(reason, ',')},${quoted(shown, ',')}\n`
}

/** Nothing that somebody else wrote under this name is removed. */
async function isRejectsFile(file: string): Promise<boolean> {
  try {
    const handle = await open(file)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEADER.length), 0, HEADER.length, 0)
    await handle.close()
    return buffer.toString('latin1', 0, bytesRead) === HEADER
  } catch {
    return false
  }
}
