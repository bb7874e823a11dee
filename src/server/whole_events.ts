const [LF, CR] = [10, 13]

/** Bytes of an event that are held back; a longer one goes out in pieces. */
const MOST_HELD = 1 << 20
/** Bytes that are kept for what is held next. */
const [LEAST_ROOM, KEPT_ROOM] = [1024, 16_384]

/** Lets the events of a stream pass whole, and holds the one that has not ended. */
export interface WholeEvents {
  /** What may go out now: bytes that were held and these, up to the end of the last event that is whole. */
  take(bytes: Uint8Array): Uint8Array | undefined
  /** What is held, for a stream that ends without a blank line. */
  rest(): Uint8Array | undefined
  /** Whether what went out ends within an event, which was too long to be held. */
  isWithin(): boolean
}

/**
 * Holds back of a stream of server-sent events what no client could read if the stream broke off there. Chunks that end with an
 * event, as most do, go through as they are. @param most bytes that are held.
 */
export function createWholeEvents(most = MOST_HELD): WholeEvents {
  // Bytes are copied: chunks that were kept would outlive the collections of young garbage.
  let held: Buffer | undefined
  let size = 0
  let isWithin = false
  /** The two bytes before those at hand. */
  let [last, lastButOne] = [0, 0]

  /** How many of these bytes go up to the end of an event, a blank line. */
  function endIn(bytes: Uint8Array): number {
    for (let i = bytes.length - 1; i >= 0; i--) {
      const byte = bytes[i]
      if (byte !== LF && byte !== CR) continue
      const before = i > 0 ? bytes[i - 1] : last
      if (before === byte) return i + 1
      const first = i > 1 ? bytes[i - 2] : i === 1 ? last : lastButOne
      if (byte === LF && before === CR && first === LF) return i + 1
    }
    return 0
  }

  function hold(bytes: Uint8Array): void {
    const needed = size + bytes.length
    if (!held || needed > held.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(LEAST_ROOM, 2 * needed))
      held?.copy(larger, 0, 0, size)
      held = larger
    }
    held.set(bytes, size)
    size = needed
  }

  /** What is held, and these bytes behind it. */
  function released(bytes: Uint8Array): Uint8Array {
    if (!held || size === 0) return bytes
    const all = Buffer.concat([held.subarray(0, size), bytes])
    size = 0
    if (held.length > KEPT_ROOM) held = undefined
    return all
  }

  return {
    take(bytes) {
      const { length } = bytes
      if (length === 0) return undefined
      const end = endIn(bytes)
      lastButOne = length > 1 ? bytes[length - 2]! : last
      last = bytes[length - 1]!
      if (end > 0) isWithin = false
      // As it came, where nothing is held.
      if (end === length || isWithin) return released(bytes)
      if (size + length - end > most) {
        isWithin = true
        return released(bytes)
      }
      const out = end > 0 ? released(bytes.subarray(0, end)) : undefined
      hold(bytes.subarray(end))
      return out
    },
    rest: () => (size > 0 ? released(new Uint8Array()) : undefined),
    isWithin: () => isWithin,
  }
}
