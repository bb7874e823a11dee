import { roughInputTokens } from '../policies/input_tokens.ts'
import { CHARACTERS_PER_TOKEN } from '../text/tokens.ts'
import type { Model, PoolStatistics, RouteRequest } from '../types.ts'
import type { Ending, Forwarded, Usage } from '../upstream/upstream_types.ts'
import { completeUsage, costOf, MOST_TOKENS, readTokens, type SaidTokens } from '../upstream/usage.ts'
import { writtenBytes } from '../upstream/written.ts'
import { longestAnswer } from './expected_cost.ts'
import type { StreamWatcher } from './sse.ts'

/**
 * Tokens and US dollars of an answer; estimated where it does not say, or broke off before it did. A refusal costs nothing.
 * @param unseen output tokens to count of one that goes on where nobody here sees it, unless it says some.
 */
export function answerFigures(
  { status, model, json, isCached }: Pick<Forwarded, 'status' | 'json' | 'isCached'> & { readonly model: Model },
  request: RouteRequest,
  watcher: StreamWatcher | undefined,
  ending: Ending,
  unseen?: number,
): { readonly usage?: Usage; readonly cost?: number | undefined } {
  if (status >= 300) return { cost: 0 }
  const answer = (json ?? {}) as Answer
  // A stream that was made of an answer may say less than it.
  const told = json === undefined ? watcher?.figures() : undefined
  const written = () => (told ? told.writtenBytes : bytesOf(answer))
  const said = readTokens(told ? told.usage : answer.usage)
  if (unseen !== undefined && !said.outputTokens) return estimated(model, request, { ...said, outputTokens: unseen })
  const usage = completeUsage(ending === 'whole' ? said : begun(said, written()), () => request, written)
  return { usage, cost: isCached ? 0 : costOf(model, usage) }
}

/** The same of an attempt that was given up before an answer began: what was asked, and what may be written all the same. */
export function abandonedFigures(model: Model, request: RouteRequest, unseen = 0): Estimated {
  return estimated(model, request, { inputTokens: undefined, outputTokens: unseen })
}

/**
 * Output tokens that a response of the Responses API may come to where nobody here sees it: those of the longest that is allowed
 * where it was asked for in the background, or says that it is not done. Undefined of all other answers.
 */
export function unseenTokens(
  isBackground: boolean,
  json: unknown,
  model: Model,
  request: RouteRequest,
  statistics: PoolStatistics | undefined,
): number | undefined {
  const { status } = (json ?? {}) as Answer
  if (!isBackground && status !== 'queued' && status !== 'in_progress') return undefined
  return Math.min(longestAnswer(model, request, statistics), MOST_TOKENS)
}

interface Estimated {
  readonly usage: Usage
  readonly cost: number | undefined
}

function estimated(model: Model, request: RouteRequest, { inputTokens, outputTokens = 0 }: SaidTokens): Estimated {
  const input = inputTokens ?? roughInputTokens(request)
  const usage = { inputTokens: input, outputTokens, isEstimated: true }
  return { usage, cost: costOf(model, usage) }
}

/** What an answer that broke off says of its output is what it began with. */
function begun(said: SaidTokens, written: number): SaidTokens {
  return (said.outputTokens ?? 0) < written / CHARACTERS_PER_TOKEN ? { ...said, outputTokens: undefined } : said
}

type Answer = Readonly<Record<string, unknown>>

/** Of Chat Completions and Completions (`choices`), Responses (`output`) and Anthropic's form (`content`). */
function bytesOf({ choices, output, content }: Answer): number {
  return writtenBytes(choices) + writtenBytes(output) + writtenBytes(content)
}
