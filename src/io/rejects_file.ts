import { open, rm } from 'node:fs/promises'
import { UsageError } from '../errors.ts'
import { unreadable } from './file_errors.ts'
import { quoted } from './formats.ts'
import type { Reject } from './framing.ts'
import { commitPartial, discardPartial, openPartial, type PartialFile } from './partial_file.ts'

const HEADER = 'line,reason,raw\n'

/** Rejected rows on their way to a file, which is made when there is one. */
export interface RejectsFile {
  /** Bytes written so far. */
  length(): number
  /** Appends. Throws DataError where it cannot; UsageError where somebody else wrote a file under this name. */
  write(rejects: readonly Reject[]): Promise<void>
  close(): Promise<void>
  /** Gives the file its name, or removes one of an earlier run where nothing was rejected. */
  commit(): Promise<void>
}

/** Why a row was rejected, with a full stop at the end: reasons of policies are sentences already. */
export function sentenceOf({ reason }: Pick<Reject, 'reason'>): string {
  return reason.replace(/\.?$/, '.')
}

/** Where rejected rows go unless somebody says otherwise. */
export function rejectsFileOf(output: string): string {
  return `${output}.rejected.csv`
}

/** @param kept bytes to keep of what an earlier run has written. */
export async function createRejectsFile(file: string, kept: number): Promise<RejectsFile> {
  let partial: PartialFile | undefined
  if (kept === 0) await discardPartial(file)
  return {
    length: () => partial?.length() ?? kept,
    async write(rejects) {
      if (rejects.length === 0) return
      if (!partial) await requireOwn(file)
      partial ??= await openPartial(file, kept)
      const head = partial.length() === 0 ? [Buffer.from(HEADER)] : []
      await partial.write(Buffer.concat([...head, ...rejects.map(rejectLine)]))
    },
    async close() {
      await partial?.close()
    },
    async commit() {
      if (partial || kept > 0) await commitPartial(file)
      else if ((await startOf(file)) === HEADER) await rm(file)
    },
  }
}

/** A rejected row for people, as a line of CSV: bytes that are no UTF-8 show as U+FFFD, characters after `most` are left out. */
export function shownReject({ line, reason, raw }: Reject, most: number): string {
  const text = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('utf8')
  const shown = text.length > most ? `${text.slice(0, most)}…` : text
  return `${line},${quoted(reason, ',')},${quoted(shown, ',')}\n`
}

/** A rejected row as a line of CSV whose last field holds its own bytes, UTF-8 or not. */
function rejectLine({ line, reason, raw }: Reject): Buffer {
  // What quoting looks at is ASCII, and latin1 gives every byte back as it was.
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('latin1')
  return Buffer.concat([
    Buffer.from(`${line},${quoted(reason, ',')},`),
    Buffer.from(`${quoted(bytes, ',')}\n`, 'latin1'),
  ])
}

/** Nothing that somebody else wrote under this name is replaced. */
async function requireOwn(file: string): Promise<void> {
  const start = await startOf(file)
  if (start === undefined || start === '' || start === HEADER) return
  throw new UsageError(
    `${file}: expected no file, or rejected rows of an earlier run, got another file. Move it, or name another with --rejected.`,
  )
}

/** As many bytes of the file as the header has; undefined where there is no file. */
async function startOf(file: string): Promise<string | undefined> {
  try {
    const handle = await open(file)
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEADER.length), 0, HEADER.length, 0)
      return buffer.toString('latin1', 0, bytesRead)
    } finally {
      await handle.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unreadable(file, error)
  }
}
