import type { Checkpoint, Tensor } from '../types.ts'
import { tensorOf } from './checkpoint_parts.ts'

/** Strings as two tensors: `name`, the UTF-8 bytes end to end, and `name_ends`, where each of them ends. */
export function stringTensors(name: string, strings: readonly string[]): Record<string, Tensor> {
  const encoder = new TextEncoder()
  const encoded = strings.map(text => encoder.encode(text))
  const ends = new Int32Array(strings.length)
  let length = 0
  for (const [i, bytes] of encoded.entries()) {
    length += bytes.length
    ends[i] = length
  }
  const data = new Uint8Array(length)
  for (const [i, bytes] of encoded.entries()) data.set(bytes, ends[i]! - bytes.length)
  return { [name]: { shape: [length], data }, [`${name}_ends`]: { shape: [strings.length], data: ends } }
}

/** Reads strings back one at a time. Throws DataError where the tensors are not those of `count` strings. */
export function readStrings(checkpoint: Checkpoint, name: string, count?: number): (index: number) => string {
  const bytes = tensorOf(checkpoint, name, Uint8Array, [undefined])
  const ends = tensorOf(checkpoint, `${name}_ends`, Int32Array, [count])
  const decoder = new TextDecoder()
  return index => decoder.decode(bytes.subarray(index === 0 ? 0 : ends[index - 1]!, ends[index]!))
}
