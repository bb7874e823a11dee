import type { Model } from '../types.ts'
import type { AnswerUsage } from './server_types.ts'

/** What a token is taken to be where an answer does not count them. */
const CHARACTERS_PER_TOKEN = 4

/** Tokens as an answer gives them, in the words of any of the forms; estimated from characters where it does not. */
export function usageOf(usage: unknown, characters: { readonly input: number; readonly output: number }): AnswerUsage {
  const said = (usage ?? {}) as Readonly<Record<string, unknown>>
  const inputTokens = number(said.prompt_tokens) ?? number(said.input_tokens)
  const outputTokens = number(said.completion_tokens) ?? number(said.output_tokens)
  if (inputTokens === undefined && outputTokens === undefined) {
    const tokens = (count: number) => Math.ceil(count / CHARACTERS_PER_TOKEN)
    return { inputTokens: tokens(characters.input), outputTokens: tokens(characters.output), isEstimated: true }
  }
  const details = (said.prompt_tokens_details ?? said.input_tokens_details ?? {}) as Readonly<Record<string, unknown>>
  const cached = number(details.cached_tokens) ?? number(said.cache_read_input_tokens)
  return {
    inputTokens: inputTokens ?? 0,
    outputTokens: outputTokens ?? 0,
    ...(cached === undefined ? {} : { cachedInputTokens: cached }),
    isEstimated: false,
  }
}

/** US dollars; undefined where a price that is needed is not known. */
export function costOf(
  { inputPrice, outputPrice, cachedInputPrice }: Model,
  { inputTokens, outputTokens, cachedInputTokens = 0 }: AnswerUsage,
): number | undefined {
  if (inputPrice === undefined || (outputPrice === undefined && outputTokens > 0)) return undefined
  const fresh = (inputTokens - cachedInputTokens) * inputPrice
  return (fresh + cachedInputTokens * (cachedInputPrice ?? inputPrice) + outputTokens * (outputPrice ?? 0)) / 1e6
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 ? value : undefined
}
