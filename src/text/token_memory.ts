import { hash53 } from './hash.ts'
import type { TokenCounter } from './tokens.ts'

/** Half of the texts that are remembered at most: the turns of some hundred long conversations, in a few megabytes. */
const MOST = 50_000

/**
 * Counts as `count` does; a text that was counted lately, as the earlier turns of a conversation were, costs no more than its hash.
 * Remembers the latest `most` texts at least and twice as many at most, by 53 bits of hash: none of them can be read back.
 */
export function withMemory(count: TokenCounter, most = MOST): TokenCounter {
  let recent = new Map<number, number>()
  let earlier = new Map<number, number>()
  return text => {
    const hash = hash53(text)
    const known = recent.get(hash)
    if (known !== undefined) return known
    const tokens = earlier.get(hash) ?? count(text)
    if (recent.size === most) {
      earlier = recent
      recent = new Map()
    }
    recent.set(hash, tokens)
    return tokens
  }
}
