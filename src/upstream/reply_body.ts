import { AttemptFailure } from './attempt_failure.ts'

/** The body of a reply. Read once, one way or the other. */
export interface ReplyBody extends AsyncIterable<Uint8Array> {
  /** All of it. @throws AttemptFailure where it breaks off or is longer than `most` bytes. */
  bytes(most: number): Promise<Buffer>
  /** The same at once where it has come whole and is no longer than that, and nothing was read of it yet; else undefined. */
  arrived(most: number): Buffer | undefined
  /** Gives it up, and the connection with it where it has not come whole. */
  cancel(): void
}

/** What the connection that a body comes from can be told. */
interface Source {
  pause(): void
  resume(): void
}

/** Bytes that may wait to be read before the endpoint is told to pause. */
const MOST_WAITING = 262_144

/** Chunks that wait as they came; of those beyond, which keep what they were read with, the short ones are copied together. */
const FEW = 16
/** Bytes that are copied together. */
const ROOM = 16_384

/** A body that is arriving, with its writing side. Of a class, since one is made for each request: functions of its own would cost more than reading it. */
export class ArrivingBody implements ReplyBody {
  private chunks: Buffer[] = []
  /** Its first `filled` bytes come behind the chunks. */
  private room: Buffer | undefined
  private filled = 0
  private waiting = 0
  private most = MOST_WAITING
  private isCollecting = false
  private isPaused = false
  private state: 'open' | 'ended' | 'failed' = 'open'
  private error: unknown
  private latest: number | undefined
  private wake: (() => void) | undefined

  private readonly source: Source
  private readonly request: { fail(error: unknown): void }

  /** @param request whose `fail` ends it, and so comes back to that of its body. */
  constructor(source: Source, request: { fail(error: unknown): void }) {
    this.source = source
    this.request = request
  }

  push(chunk: Buffer): void {
    this.latest = performance.now()
    if (this.state !== 'open') return
    if (this.chunks.length < FEW) this.chunks.push(chunk)
    else this.gather(chunk)
    this.waiting += chunk.length
    this.check()
    this.tell()
  }

  end(): void {
    if (this.state === 'open') this.state = 'ended'
    this.tell()
  }

  fail(reason: unknown): void {
    if (this.state !== 'open') return
    this.state = 'failed'
    this.error = reason
    this.tell()
  }

  /** Of the last byte, or now where it is the reader who is slow; undefined before the first. */
  lastByteAt(): number | undefined {
    return this.isPaused ? performance.now() : this.latest
  }

  async bytes(limit: number): Promise<Buffer> {
    this.isCollecting = true
    this.most = limit
    this.check()
    this.resume()
    while (this.state === 'open') await this.arrival()
    if (this.state === 'failed') throw this.error
    // It may have come whole before anybody said how much is too much.
    if (this.waiting > limit) throw tooLong(limit)
    return this.taken()
  }

  arrived(limit: number): Buffer | undefined {
    return this.state === 'ended' && this.waiting <= limit ? this.taken() : undefined
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        while (this.chunks.length > 0) {
          this.gathered()
          const taken = this.chunks
          this.chunks = []
          this.waiting = 0
          for (const chunk of taken) yield chunk
        }
        this.resume()
        if (this.state === 'failed') throw this.error
        if (this.state === 'ended') return
        await this.arrival()
      }
    } finally {
      this.cancel()
    }
  }

  cancel(): void {
    if (this.state === 'open') this.request.fail(new AttemptFailure('given up', 'passing'))
    this.chunks = []
    this.room = undefined
    this.filled = 0
  }

  private gather(chunk: Buffer): void {
    if (this.filled + chunk.length > ROOM) this.gathered()
    if (chunk.length > ROOM) return void this.chunks.push(chunk)
    this.room ??= Buffer.allocUnsafeSlow(ROOM)
    this.room.set(chunk, this.filled)
    this.filled += chunk.length
  }

  /** Adds what was copied together to the chunks. */
  private gathered(): void {
    if (this.room) this.chunks.push(this.room.subarray(0, this.filled))
    this.room = undefined
    this.filled = 0
  }

  private tell(): void {
    const { wake } = this
    this.wake = undefined
    wake?.()
  }

  private check(): void {
    if (this.waiting <= this.most) return
    if (this.isCollecting) this.request.fail(tooLong(this.most))
    else if (!this.isPaused) {
      this.isPaused = true
      this.source.pause()
    }
  }

  private arrival(): Promise<void> {
    return new Promise(resolve => {
      this.wake = resolve
    })
  }

  private resume(): void {
    if (!this.isPaused) return
    this.isPaused = false
    this.latest = performance.now()
    this.source.resume()
  }

  private taken(): Buffer {
    this.gathered()
    const whole = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks)
    this.chunks = []
    return whole
  }
}

function tooLong(most: number): AttemptFailure {
  return new AttemptFailure(`an answer of more than ${most} bytes`, 'lasting', { advice: 'Ask for a shorter one.' })
}
