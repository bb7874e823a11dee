import { withMemory } from './token_memory.ts'

/** Counts the tokens of a text. */
export type TokenCounter = (text: string) => number

/** What a token is taken to be where nobody counts: near what tokenizers make of English. */
export const CHARACTERS_PER_TOKEN = 4

/** A token for every four UTF-8 bytes, rounded up: other scripts than English take more tokens a character, and more bytes. */
export function roughTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / CHARACTERS_PER_TOKEN)
}

/** A number of tokens that no byte-level tokenizer exceeds, since none makes a token of less than a byte: bytes of UTF-8. */
export function tokensAtMost(text: string): number {
  return Buffer.byteLength(text)
}

let opened: TokenCounter | undefined

/**
 * Loads the counter of OpenAI's o200k_base: exact for GPT-4o and later, an approximation for models with another vocabulary,
 * since tokenizers of other vendors are not to be had. What a text says is text: `<|endoftext|>` is no special token here. A
 * run of more than 128 characters of one kind (letters, spaces, signs) is counted in parts, which can add a token a part: the
 * tokenizer's time grows with the square of such a run. All share one, which remembers what it counted lately.
 */
export async function openTokenCounter(): Promise<TokenCounter> {
  const { countTokens } = await import('./o200k.ts')
  opened ??= withMemory(text => {
    let tokens = 0
    for (const part of splitRuns(text)) tokens += countTokens(part, ALL_AS_TEXT)
    return tokens
  })
  return opened
}

const ALL_AS_TEXT = { allowedSpecial: new Set<string>(), disallowedSpecial: new Set<string>() }
const LONGEST_RUN = 128

/** The text in parts without a run longer than `LONGEST_RUN`; surrogate pairs stay whole. */
function splitRuns(text: string): string[] {
  if (text.length <= LONGEST_RUN) return [text]
  const parts: string[] = []
  let start = 0
  let run = 0
  let kind = -1
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    const current = kindOf(unit)
    run = current === kind ? run + 1 : 1
    kind = current
    const isSecondHalf = unit >= 0xdc00 && unit <= 0xdfff
    if (run > LONGEST_RUN && !isSecondHalf) {
      parts.push(text.slice(start, i))
      start = i
      run = 1
    }
  }
  parts.push(text.slice(start))
  return parts
}

/** White space, an ASCII sign, or anything that may be part of a word. */
function kindOf(unit: number): number {
  if (unit === 32 || (unit >= 9 && unit <= 13)) return 0
  if (unit >= 128) return 2
  const isLetter = (unit | 32) >= 97 && (unit | 32) <= 122
  return isLetter || (unit >= 48 && unit <= 57) ? 2 : 1
}
