import { CHARACTERS_PER_TOKEN } from '../text/tokens.ts'
import type { Model } from '../types.ts'
import type { ChatBody, Usage } from './upstream_types.ts'

/** Tokens as OpenAI (`prompt_tokens` …) or Anthropic (`input_tokens` …) names them; undefined where they are not all there. */
export function readUsage(usage: unknown): Usage | undefined {
  const found = usage as Record<string, unknown> | null | undefined
  const prompt = count(found?.prompt_tokens)
  // Embeddings have no completion, and say the sum all the same.
  const completion = count(found?.completion_tokens ?? rest(found?.total_tokens, prompt))
  if (prompt !== undefined && completion !== undefined) {
    const details = found?.prompt_tokens_details as { cached_tokens?: unknown } | null | undefined
    return usageOf(prompt, completion, count(details?.cached_tokens) ?? count(found?.prompt_cache_hit_tokens))
  }
  const [input, output] = [count(found?.input_tokens), count(found?.output_tokens)]
  if (input === undefined || output === undefined) return undefined
  const details = found?.input_tokens_details as { cached_tokens?: unknown } | null | undefined
  if (details) return usageOf(input, output, count(details.cached_tokens))
  // Anthropic counts what its cache held, and what it put there, apart.
  const cached = count(found?.cache_read_input_tokens)
  const created = count(found?.cache_creation_input_tokens) ?? 0
  return usageOf(input + created + (cached ?? 0), output, cached)
}

/** Where the answer does not say: what `countTokens` makes of all texts of the messages, and of the answer. */
export function estimateUsage(body: ChatBody, text: string, countTokens: (text: string) => number): Usage {
  return {
    inputTokens: countTokens(textsOf(body.messages).join('\n')),
    outputTokens: countTokens(text),
    isEstimated: true,
  }
}

/** A token for every four UTF-8 bytes, rounded up: other scripts than English take more tokens a character, and more bytes. */
export function roughTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / CHARACTERS_PER_TOKEN)
}

/**
 * US dollars: tokens × price, those that the provider had in its cache at their own price where it is known.
 * Undefined where a price is not known.
 */
export function costOf(
  { inputPrice, outputPrice, cachedInputPrice = inputPrice }: Model,
  usage: Usage,
): number | undefined {
  if (inputPrice === undefined || outputPrice === undefined || cachedInputPrice === undefined) return undefined
  const cached = usage.cachedInputTokens ?? 0
  const input = (usage.inputTokens - cached) * inputPrice + cached * cachedInputPrice
  return (input + usage.outputTokens * outputPrice) / 1e6
}

function usageOf(inputTokens: number, outputTokens: number, cached: number | undefined): Usage {
  const isEstimated = false
  if (cached === undefined) return { inputTokens, outputTokens, isEstimated }
  return { inputTokens, outputTokens, cachedInputTokens: Math.min(cached, inputTokens), isEstimated }
}

function rest(total: unknown, part: number | undefined): number | undefined {
  return typeof total === 'number' && part !== undefined ? total - part : undefined
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER ? value : undefined
}

/** The text of each message: its content, or the text parts of it. */
function textsOf(messages: readonly unknown[]): string[] {
  return messages.flatMap(message => {
    const { content } = (message ?? {}) as { content?: unknown }
    if (typeof content === 'string') return [content]
    if (!Array.isArray(content)) return []
    return content.flatMap(part => (typeof part?.text === 'string' ? [part.text as string] : []))
  })
}
