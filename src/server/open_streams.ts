import { setFlagsFromString } from 'node:v8'

/** Streams open at a time from which on memory counts for more than speed, and down to which it does. */
const [MANY, FEW] = [200, 100]

const SPARING = ['--heap-growing-percent=5', '--optimize-for-size']
const FAST = ['--heap-growing-percent=0', '--no-optimize-for-size']

let open = 0
let isSparing = false

/**
 * Counts an open stream; what it returns ends that. What waits between two pieces of a stream outlives the collections of young
 * garbage. Of a thousand streams that is much, and V8 would let the heap double before it looks for it; of a few, its own pace
 * serves a tenth more requests.
 */
export function countStream(): () => void {
  open++
  adapt()
  return () => {
    open--
    adapt()
  }
}

function adapt(): void {
  if (isSparing ? open > FEW : open < MANY) return
  isSparing = !isSparing
  for (const flag of isSparing ? SPARING : FAST) setFlagsFromString(flag)
}
