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

/** The writing side of a body. `fail` ends the request. */
export function createReplyBody(source: Source, fail: (error: unknown) => void) {
  let chunks: Buffer[] = []
  let waiting = 0
  let most = MOST_WAITING
  let isCollecting = false
  let isPaused = false
  let state: 'open' | 'ended' | 'failed' = 'open'
  let error: unknown
  let lastByteAt: number | undefined
  let wake: (() => void) | undefined

  const tell = () => {
    const waker = wake
    wake = undefined
    waker?.()
  }
  const pushed = () => {
    if (!isCollecting && waiting > most && !isPaused) {
      isPaused = true
      source.pause()
    } else if (isCollecting && waiting > most) {
      fail(tooLong(most))
    }
  }
  const arrival = () =>
    new Promise<void>(resolve => {
      wake = resolve
    })
  const resume = () => {
    if (!isPaused) return
    isPaused = false
    lastByteAt = performance.now()
    source.resume()
  }
  const taken = () => {
    const whole = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
    chunks = []
    return whole
  }
  const cancel = () => {
    if (state === 'open') fail(new AttemptFailure('given up', 'passing'))
    chunks = []
  }
  const body: ReplyBody = {
    async bytes(limit) {
      isCollecting = true
      most = limit
      pushed()
      resume()
      while (state === 'open') await arrival()
      if (state === 'failed') throw error
      // It may have come whole before anybody said how much is too much.
      if (waiting > limit) throw tooLong(limit)
      return taken()
    },
    arrived: limit => (state === 'ended' && waiting <= limit ? taken() : undefined),
    async *[Symbol.asyncIterator]() {
      try {
        for (;;) {
          while (chunks.length > 0) {
            const taken = chunks
            chunks = []
            waiting = 0
            for (const chunk of taken) yield chunk
          }
          resume()
          if (state === 'failed') throw error
          if (state === 'ended') return
          await arrival()
        }
      } finally {
        cancel()
      }
    },
    cancel,
  }
  return {
    body,
    push(chunk: Buffer) {
      lastByteAt = performance.now()
      if (state !== 'open') return
      chunks.push(chunk)
      waiting += chunk.length
      pushed()
      tell()
    },
    end() {
      if (state === 'open') state = 'ended'
      tell()
    },
    fail(reason: unknown) {
      if (state !== 'open') return
      state = 'failed'
      error = reason
      tell()
    },
    /** Of the last byte, or now where it is the reader who is slow; undefined before the first. */
    lastByteAt: () => (isPaused ? performance.now() : lastByteAt),
  }
}

function tooLong(most: number): AttemptFailure {
  return new AttemptFailure(`an answer of more than ${most} bytes`, 'lasting', { advice: 'Ask for a shorter one.' })
}
