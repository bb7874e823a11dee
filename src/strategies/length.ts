import type { Strategy } from '../types.ts'

/** Number of characters at which the win rate is one half. Any value ranks prompts alike. */
const HALF = 300

/** Longer prompts to strong: length / (length + 300), in UTF-16 code units. */
export async function create(): Promise<Strategy> {
  return {
    async winRate(prompts) {
      return Float64Array.from(prompts, prompt => prompt.length / (prompt.length + HALF))
    },
    async explain(prompt) {
      return [{ kind: 'feature', name: 'length in characters', weight: prompt.length / (prompt.length + HALF) - 0.5 }]
    },
  }
}
