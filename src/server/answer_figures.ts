import { CHARACTERS_PER_TOKEN } from '../text/tokens.ts'
import type { Model } from '../types.ts'
import type { Ending, Forwarded, Usage } from '../upstream/upstream_types.ts'
import { costOf, readUsage } from '../upstream/usage.ts'
import type { StreamWatcher } from './sse.ts'
import { writtenLength } from './written.ts'

/** Tokens and US dollars of an answer; estimated where it does not say, or broke off before it did. */
export function answerFigures(
  { status, model, json, isCached }: Pick<Forwarded, 'status' | 'json' | 'isCached'> & { readonly model: Model },
  inputCharacters: number,
  watcher: StreamWatcher | undefined,
  ending: Ending,
): { readonly usage?: Usage; readonly cost?: number | undefined } {
  if (status >= 300) return {}
  const answer = (json ?? {}) as Answer
  const told = watcher?.figures()
  const said = readUsage(told ? told.usage : answer.usage)
  const figures =
    said && ending === 'whole' ? said : counted(said, inputCharacters, told ? told.characters : lengthOf(answer))
  return { usage: figures, cost: isCached ? 0 : costOf(model, figures) }
}

/** Tokens by the length of the texts. What an answer that broke off says of them is what it began with. */
function counted(said: Usage | undefined, inputCharacters: number, outputCharacters: number): Usage {
  const [inputTokens, outputTokens] = [tokensOf(inputCharacters), tokensOf(outputCharacters)]
  if (said && said.outputTokens >= outputTokens) return said
  return { inputTokens: said?.inputTokens ?? inputTokens, outputTokens, isEstimated: true }
}

const tokensOf = (characters: number) => Math.ceil(characters / CHARACTERS_PER_TOKEN)

type Answer = Readonly<Record<string, unknown>>

/** Characters of Chat Completions and Completions (`choices`), Responses (`output`) and Anthropic's form (`content`). */
function lengthOf({ choices, output, content }: Answer): number {
  return writtenLength(choices) + writtenLength(output) + writtenLength(content)
}
