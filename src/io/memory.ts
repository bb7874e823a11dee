const SMALLEST = 1 << 18

/**
 * Memory of at least `length` bytes: the one given where it is large enough, else new with room to spare. Buffers that go
 * back and forth between threads are used again, since garbage outside of the heap piles up faster than it is collected.
 */
export function atLeast(length: number, memory?: ArrayBuffer): ArrayBuffer {
  return memory && memory.byteLength >= length ? memory : new ArrayBuffer(Math.max(SMALLEST, Math.ceil(length * 1.5)))
}

/** A copy of the bytes at the start of memory of its own, which may be handed to another thread. */
export function copyInto(bytes: Uint8Array, memory?: ArrayBuffer): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(atLeast(bytes.length, memory), 0, bytes.length)
  copy.set(bytes)
  return copy
}
