import { promptHash } from '../text/hash.ts'
import type { Checkpoint } from '../types.ts'

/** `promptHash` of each prompt. */
export function hashPrompts(prompts: readonly string[]): BigUint64Array {
  return BigUint64Array.from(prompts, promptHash)
}

/** Hashes of the prompts that a checkpoint was trained on, ascending; empty where it does not say. */
export function seenBy({ tensors }: Checkpoint): BigUint64Array {
  const data = tensors.seen?.data
  return data instanceof BigUint64Array ? data : new BigUint64Array()
}

/** Whether a checkpoint says which prompts it was trained on; where it does not, contamination cannot be checked. */
export function saysWhatItSaw({ tensors }: Checkpoint): boolean {
  return tensors.seen?.data instanceof BigUint64Array
}

/** The rows whose hash is in none of `seen`, each of which is ascending. Ascending. */
export function unseenRows(hashes: BigUint64Array, seen: readonly BigUint64Array[]): Int32Array {
  return Int32Array.from(hashes.keys()).filter(row => !seen.some(sorted => includes(sorted, hashes[row]!)))
}

function includes(sorted: BigUint64Array, hash: bigint): boolean {
  let first = 0
  let last = sorted.length - 1
  while (first <= last) {
    const middle = (first + last) >> 1
    const found = sorted[middle]!
    if (found === hash) return true
    if (found < hash) first = middle + 1
    else last = middle - 1
  }
  return false
}
