import { roughInputTokens } from '../policies/input_tokens.ts'
import { CHARACTERS_PER_TOKEN } from '../text/tokens.ts'
import type { Model, RouteRequest } from '../types.ts'
import type { Usage } from './upstream_types.ts'

/**
 * More tokens than an answer has: the largest windows hold ten million, and the longest lists of texts or answers come to some
 * twenty million. Nobody is charged for more, whatever an endpoint says.
 */
export const MOST_TOKENS = 1e8

/** What an answer says of its tokens. */
export interface SaidTokens {
  readonly inputTokens: number | undefined
  readonly outputTokens: number | undefined
  /** At most `inputTokens`. */
  readonly cachedInputTokens?: number
}

/** All fields of an answer's usage that are read. */
const TOKEN_FIELDS = [
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'prompt_tokens_details',
  'prompt_cache_hit_tokens',
  'input_tokens',
  'output_tokens',
  'input_tokens_details',
  'cache_read_input_tokens',
  'cache_creation_input_tokens',
] as const

/** Of an answer's usage, what is read. */
export type TokenFields = { [field in (typeof TOKEN_FIELDS)[number]]?: unknown }

/** Adds what one more event of a stream says of its usage, and nothing that is not read: an endpoint may say any number of fields. */
export function addTokenFields(fields: TokenFields, usage: unknown): void {
  if (typeof usage !== 'object' || usage === null) return
  const said: TokenFields = usage
  for (const field of TOKEN_FIELDS) if (said[field] !== undefined) fields[field] = said[field]
}

/** Tokens as OpenAI (`prompt_tokens` …) or Anthropic (`input_tokens` …) names them. */
export function readTokens(usage: unknown): SaidTokens {
  const found = usage as TokenFields | null | undefined
  const prompt = count(found?.prompt_tokens)
  // Embeddings have no completion, and say the sum all the same.
  const completion = count(found?.completion_tokens ?? rest(found?.total_tokens, prompt))
  if (prompt !== undefined || completion !== undefined) {
    const details = found?.prompt_tokens_details as { cached_tokens?: unknown } | null | undefined
    return saidOf(prompt, completion, count(details?.cached_tokens) ?? count(found?.prompt_cache_hit_tokens))
  }
  const [input, output] = [count(found?.input_tokens), count(found?.output_tokens)]
  const details = found?.input_tokens_details as { cached_tokens?: unknown } | null | undefined
  if (details || input === undefined) return saidOf(input, output, count(details?.cached_tokens))
  // Anthropic counts what its cache held, and what it put there, apart.
  const cached = count(found?.cache_read_input_tokens)
  const created = count(found?.cache_creation_input_tokens) ?? 0
  return saidOf(input + created + (cached ?? 0), output, cached)
}

/** The tokens of a call: what the answer does not say of them is estimated, and only then asked for. */
export function completeUsage(
  { inputTokens, outputTokens, cachedInputTokens }: SaidTokens,
  request: () => RouteRequest,
  writtenBytes: () => number,
): Usage {
  const input = inputTokens ?? roughInputTokens(request())
  const output = outputTokens ?? Math.ceil(writtenBytes() / CHARACTERS_PER_TOKEN)
  const isEstimated = inputTokens === undefined || outputTokens === undefined
  // Two literals: a copy of an object is slow, and most answers say what was cached.
  if (cachedInputTokens === undefined) return { inputTokens: input, outputTokens: output, isEstimated }
  return { inputTokens: input, outputTokens: output, cachedInputTokens, isEstimated }
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

function saidOf(
  inputTokens: number | undefined,
  outputTokens: number | undefined,
  cached: number | undefined,
): SaidTokens {
  if (cached === undefined || inputTokens === undefined) return { inputTokens, outputTokens }
  return { inputTokens, outputTokens, cachedInputTokens: Math.min(cached, inputTokens) }
}

function rest(total: unknown, part: number | undefined): number | undefined {
  return typeof total === 'number' && part !== undefined ? total - part : undefined
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= MOST_TOKENS ? value : undefined
}
