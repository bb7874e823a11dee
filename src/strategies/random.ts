import { hash32 } from '../text/hash.ts'
import type { Resources, Strategy } from '../types.ts'

/** A hash of (seed, prompt), not a sequence, so that order and batching change nothing. */
export async function create({ seed }: Resources): Promise<Strategy> {
  return {
    async winRate(prompts) {
      return Float64Array.from(prompts, prompt => hash32(prompt, Math.imul(seed + 1, 0x9e3779b1)) / 4294967296)
    },
    quantile: q => q,
  }
}
