import { CHARACTERS_PER_TOKEN } from '../text/tokens.ts'
import type { Model, RouteRequest } from '../types.ts'
import type { Ending, Forwarded, Usage } from '../upstream/upstream_types.ts'
import { completeUsage, costOf, readTokens, type SaidTokens } from '../upstream/usage.ts'
import { writtenBytes } from '../upstream/written.ts'
import type { StreamWatcher } from './sse.ts'

/** Tokens and US dollars of an answer; estimated where it does not say, or broke off before it did. */
export function answerFigures(
  { status, model, json, isCached }: Pick<Forwarded, 'status' | 'json' | 'isCached'> & { readonly model: Model },
  request: RouteRequest,
  watcher: StreamWatcher | undefined,
  ending: Ending,
): { readonly usage?: Usage; readonly cost?: number | undefined } {
  if (status >= 300) return {}
  const answer = (json ?? {}) as Answer
  const told = watcher?.figures()
  const written = () => (told ? told.writtenBytes : bytesOf(answer))
  const said = readTokens(told ? told.usage : answer.usage)
  const usage = completeUsage(ending === 'whole' ? said : begun(said, written()), () => request, written)
  return { usage, cost: isCached ? 0 : costOf(model, usage) }
}

/** The same of an attempt that was given up before an answer began: what was asked, estimated. */
export function abandonedFigures(
  model: Model,
  request: RouteRequest,
): { readonly usage: Usage; readonly cost: number | undefined } {
  const usage = completeUsage(
    { inputTokens: undefined, outputTokens: 0 },
    () => request,
    () => 0,
  )
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
