import { CHARACTERS_PER_TOKEN, openTokenCounter, type TokenCounter, tokensAtMost } from '../text/tokens.ts'
import type { Model, Needs, RouteRequest, Turn } from '../types.ts'

/** About as many tokens as the request has, where nobody says: a quarter of its bytes, and `otherTokens`. */
export function roughInputTokens({ prompt, turns, needs }: RouteRequest): number {
  if (needs?.inputTokens !== undefined) return needs.inputTokens
  let bytes = turns ? 0 : Buffer.byteLength(prompt)
  for (const { text } of turns ?? NONE) bytes += Buffer.byteLength(text)
  return Math.ceil(bytes / CHARACTERS_PER_TOKEN) + (needs?.otherTokens ?? 0)
}

/** More tokens than the request can have, by any byte-level tokenizer. Takes no time worth speaking of. */
export function inputTokensAtMost({ prompt, turns, needs }: RouteRequest): number {
  if (needs?.inputTokens !== undefined) return needs.inputTokens
  let tokens = PER_REQUEST + (needs?.otherTokens ?? 0)
  for (const text of turns ? turns.map(turn => turn.text) : [prompt]) tokens += PER_TURN + tokensAtMost(text)
  return tokens
}

/**
 * The requests' needs with `inputTokens` and `cachedTokens` as they count: those given, else the text's tokens by o200k_base,
 * 4 a turn and 3 a request for the marks around them (as OpenAI's cookbook counts), and `otherTokens`. Of a conversation, what
 * comes before the model's last answer counts as cached from 1,024 tokens on, the least that providers cache. Of a long request
 * the beginning is counted (see `MOST_COUNTED`), and the rest estimated by it.
 */
export async function withInputTokens(requests: readonly RouteRequest[]): Promise<CountedNeeds[]> {
  if (requests.every(isCounted)) return requests.map(({ needs }) => needs)
  const count = await openTokenCounter()
  return requests.map(request =>
    isCounted(request) ? request.needs : { ...request.needs, ...countInput(request, count) },
  )
}

/** The requests' needs, with counts where a model has a price to multiply them by. */
export async function needsForCost(
  requests: readonly RouteRequest[],
  models: readonly Model[],
): Promise<readonly Needs[]> {
  const hasPrices = models.some(({ inputPrice }) => inputPrice !== undefined)
  return hasPrices ? withInputTokens(requests) : requests.map(({ needs = {} }) => needs)
}

const NONE: readonly Turn[] = []

type CountedNeeds = Needs & { readonly inputTokens: number }

function isCounted(request: RouteRequest): request is RouteRequest & { readonly needs: CountedNeeds } {
  return request.needs?.inputTokens !== undefined
}

const PER_TURN = 4
const PER_REQUEST = 3
const LEAST_CACHED = 1024
/**
 * Bytes of a request that are counted, some 65,000 tokens: ideographs take microseconds each, and whoever counts 30 MB of them answers
 * nobody else for half a minute.
 */
const MOST_COUNTED = 1 << 18
/** Bytes that a UTF-16 unit takes at most. */
const BYTES_PER_UNIT = 3

/** `inputTokens` and `cachedTokens` of one request, as `withInputTokens` counts them. */
export function countInput(
  { prompt, turns, needs }: RouteRequest,
  count: TokenCounter,
): { readonly inputTokens: number; readonly cachedTokens?: number } {
  if (needs?.inputTokens !== undefined) return { inputTokens: needs.inputTokens }
  const other = PER_REQUEST + (needs?.otherTokens ?? 0)
  const tokensOf = lengthOf(turns, prompt) * BYTES_PER_UNIT > MOST_COUNTED ? byBeginning(count) : count
  if (!turns) return { inputTokens: other + PER_TURN + tokensOf(prompt) }
  const lastAnswer = turns.findLastIndex(({ role }) => role === 'assistant')
  let inputTokens = other
  let before = other
  for (const [i, { text }] of turns.entries()) {
    if (i === lastAnswer) before = inputTokens
    inputTokens += PER_TURN + tokensOf(text)
  }
  const cachedTokens = needs?.cachedTokens ?? (lastAnswer > 0 && before >= LEAST_CACHED ? before : 0)
  return { inputTokens, cachedTokens }
}

function lengthOf(turns: readonly Turn[] | undefined, prompt: string): number {
  if (!turns) return prompt.length
  let length = 0
  for (const { text } of turns) length += text.length
  return length
}

/** For the texts of one request in turn: beyond `MOST_COUNTED` they are taken to have as many tokens a byte as up to there. */
function byBeginning(count: TokenCounter): TokenCounter {
  let left = MOST_COUNTED
  let tokens = 0
  let bytes = 0
  return text => {
    const { read, written } = encoder.encodeInto(text, scratch.subarray(0, left))
    const counted = count(text.slice(0, read))
    left -= written
    tokens += counted
    bytes += written
    if (read === text.length) return counted
    return counted + Math.ceil(((Buffer.byteLength(text) - written) * tokens) / bytes)
  }
}

const encoder = new TextEncoder()
const scratch = new Uint8Array(MOST_COUNTED)
