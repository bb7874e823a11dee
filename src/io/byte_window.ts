/** Puts the next bytes into `into` and returns how many; 0 at the end. */
export type ReadInto = (into: Buffer) => Promise<number>

/** The part of a stream of bytes that is in memory. */
export interface ByteWindow {
  /** What was pulled and not yet cut. Valid until the next `pull` or `cut`, since its memory is used again. */
  bytes: Buffer
  /** Whether nothing comes after `bytes`. */
  isLast: boolean
  /** Reads on until `bytes` has at least `least` bytes or the stream ends; then up to `most`, until the stream idles. */
  pull(least: number, most?: number): Promise<void>
  /** Whether nothing comes for the moment. */
  isIdle(): Promise<boolean>
  /** Takes the bytes from `from` to `to` out. */
  cut(from: number, to: number): void
}

const CAPACITY = 1 << 19

/**
 * Opens a window on a stream. Nothing is read before the first `pull`.
 * @param isIdle says whether the stream has nothing for the moment; default never.
 */
export function createByteWindow(read: ReadInto, isIdle: () => Promise<boolean> = async () => false): ByteWindow {
  // One piece of memory for the whole file, so that reading leaves nothing to collect.
  let memory = Buffer.allocUnsafeSlow(CAPACITY)
  let start = 0
  let end = 0
  const window: ByteWindow = { bytes: memory.subarray(0, 0), isLast: false, pull, isIdle, cut }
  return window

  async function pull(least: number, most = least): Promise<void> {
    if (most > memory.length - start) makeRoom(most)
    while (end - start < most && !window.isLast) {
      if (end - start >= least && (await isIdle())) break
      const count = await read(memory.subarray(end))
      end += count
      window.isLast = count === 0
    }
    window.bytes = memory.subarray(start, end)
  }

  function makeRoom(length: number): void {
    const from = memory
    if (length > memory.length) memory = Buffer.allocUnsafeSlow(Math.max(length, 2 * memory.length))
    from.copy(memory, 0, start, end)
    end -= start
    start = 0
  }

  function cut(from: number, to: number): void {
    if (from === 0) start += to
    else {
      memory.copyWithin(start + from, start + to, end)
      end -= to - from
    }
    window.bytes = memory.subarray(start, end)
  }
}
