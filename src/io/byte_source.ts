import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { pipeline, Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { createGunzip } from 'node:zlib'
import type { ReadInto } from './byte_window.ts'
import { unreadable } from './file_errors.ts'

const READ_SIZE = 1 << 18

/** Milliseconds without a byte after which an input counts as idle: longer than a busy producer pauses. */
const IDLE = 20

/** Bytes to read once from start to end. */
export interface ByteSource {
  /** Unpacked where the content is gzipped. Throws DataError where it cannot be read. */
  readonly read: ReadInto
  /** Waits for more; true where none comes for the moment. Always false of a file on disk. */
  isIdle(): Promise<boolean>
  /** Bytes on disk; undefined where nobody knows, as of a pipe. */
  readonly size: number | undefined
  /** Stored bytes read so far. */
  bytesRead(): number
  /** Gives up before the end; at the end it closes by itself. */
  close(): Promise<void>
}

/** What names standard input among files. */
export const STDIN = '-'

/** An input's name for messages. */
export function inputName(file: string): string {
  return file === STDIN ? 'standard input' : file
}

/** Opens a file, or standard input under `-`. Throws DataError where there is no such file. */
export async function openBytes(file: string): Promise<ByteSource> {
  const size = await sizeOf(file)
  let bytesRead = 0
  const { read: stored, isIdle: isStoredIdle, close } = await openStored(file, size)
  let unpacked: ReadInto | undefined
  let isIdle = isStoredIdle
  return { size, bytesRead: () => bytesRead, read, isIdle: () => isIdle(), close }

  async function read(into: Buffer): Promise<number> {
    try {
      unpacked ??= await unpackedReader()
      return await unpacked(into)
    } catch (error) {
      throw unreadable(inputName(file), error)
    }
  }

  async function counted(into: Buffer): Promise<number> {
    const count = await stored(into)
    bytesRead += count
    return count
  }

  async function unpackedReader(): Promise<ReadInto> {
    const head = Buffer.alloc(2)
    let have = 0
    for (let count = 1; have < 2 && count > 0; have += count) count = await counted(head.subarray(have))
    const whole = startingWith(head.subarray(0, have), counted)
    if (head[0] !== 0x1f || head[1] !== 0x8b) return whole
    const unzipped = readerOf(unzip(whole))
    if (size === undefined) isIdle = unzipped.isIdle
    return unzipped.read
  }
}

/** Whether the input can be read a second time: a file can, standard input and pipes cannot. Throws DataError where there is none. */
export async function isRereadable(file: string): Promise<boolean> {
  return (await sizeOf(file)) !== undefined
}

/** The sha256 of a file's stored bytes, in hex; undefined where it can be read only once (standard input, a pipe). */
export async function fingerprint(file: string): Promise<string | undefined> {
  if (!(await isRereadable(file))) return undefined
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: READ_SIZE })) hash.update(chunk as Buffer)
  } catch (error) {
    throw unreadable(inputName(file), error)
  }
  return hash.digest('hex')
}

async function sizeOf(file: string): Promise<number | undefined> {
  if (file === STDIN) return undefined
  try {
    const found = await stat(file)
    if (found.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' })
    return found.isFile() ? found.size : undefined
  } catch (error) {
    throw unreadable(inputName(file), error)
  }
}

interface Stored {
  readonly read: ReadInto
  isIdle(): Promise<boolean>
  close(): Promise<void>
}

async function openStored(file: string, size: number | undefined): Promise<Stored> {
  if (size !== undefined) return openFile(file)
  const stream = file === STDIN ? process.stdin : createReadStream(file, { highWaterMark: READ_SIZE })
  return {
    ...readerOf(stream),
    async close() {
      stream.destroy()
    },
  }
}

async function openFile(file: string): Promise<Stored> {
  const handle = await open(file).catch(error => {
    throw unreadable(inputName(file), error)
  })
  let isOpen = true
  return { read, isIdle: async () => false, close }

  async function read(into: Buffer): Promise<number> {
    if (!isOpen) return 0
    const { bytesRead } = await handle.read(into, 0, Math.min(into.length, READ_SIZE))
    if (bytesRead === 0) await close()
    return bytesRead
  }

  async function close(): Promise<void> {
    isOpen = false
    await handle.close()
  }
}

/** Reads from chunks of any size. */
function readerOf(chunks: AsyncIterable<Buffer>): Pick<Stored, 'read' | 'isIdle'> {
  const iterator = chunks[Symbol.asyncIterator]()
  let coming: Promise<IteratorResult<Buffer>> | undefined
  let left: Buffer | undefined
  return { read, isIdle }

  async function read(into: Buffer): Promise<number> {
    if (!left) {
      coming ??= iterator.next()
      left = (await coming).value as Buffer | undefined
      coming = undefined
    }
    if (!left) return 0
    const count = left.copy(into)
    left = count < left.length ? left.subarray(count) : undefined
    return count
  }

  async function isIdle(): Promise<boolean> {
    if (left) return false
    coming ??= iterator.next()
    const timer = new AbortController()
    // A failure is told by the next read.
    const isThere = () => false
    const idle = await Promise.race([
      coming.then(isThere, isThere),
      sleep(IDLE, true, { signal: timer.signal }).catch(isThere),
    ])
    timer.abort()
    return idle
  }
}

function startingWith(head: Buffer, rest: ReadInto): ReadInto {
  let isHead = head.length > 0
  return async into => {
    if (!isHead) return rest(into)
    isHead = false
    return head.copy(into)
  }
}

function unzip(stored: ReadInto): AsyncIterable<Buffer> {
  async function* chunks() {
    for (;;) {
      const chunk = Buffer.allocUnsafe(READ_SIZE)
      const count = await stored(chunk)
      if (count === 0) return
      yield chunk.subarray(0, count)
    }
  }
  const gunzip = createGunzip({ chunkSize: READ_SIZE })
  // Errors reach whoever reads from gunzip; the callback is there because pipeline wants one.
  pipeline(Readable.from(chunks(), { objectMode: false }), gunzip, () => {})
  return gunzip
}
