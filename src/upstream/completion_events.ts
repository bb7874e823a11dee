import type { Completion } from './chat_form.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * An answer of `/chat/completions` as the event stream of one piece that says the same. With `includesUsage` a last chunk without
 * choices tells its tokens, and all others say that theirs are null, as OpenAI has it.
 */
export function eventsOf(completion: Completion, includesUsage: boolean): string {
  const { choices, usage = null, ...head } = completion
  const chunk = (choices: readonly Fields[], usage: unknown) =>
    `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices, ...(includesUsage ? { usage } : {}) })}\n\n`
  const said = choices.map(({ message, finish_reason: _, ...rest }, place) =>
    chunk([{ ...rest, index: rest.index ?? place, delta: deltaOf(message), finish_reason: null }], null),
  )
  const ends = choices.map(({ index, finish_reason }, place) =>
    chunk([{ index: index ?? place, delta: {}, finish_reason: finish_reason ?? 'stop' }], null),
  )
  return [...said, ...ends, ...(includesUsage ? [chunk([], usage)] : []), 'data: [DONE]\n\n'].join('')
}

/** Whether a request asks for the tokens of its stream. */
export function includesUsage({ stream_options: options }: Fields): boolean {
  return (options as Fields | null | undefined)?.include_usage === true
}

/** Pieces of calls have the index of theirs. */
function deltaOf(message: Fields): Fields {
  const { tool_calls: calls, ...said } = message
  return Array.isArray(calls) ? { ...said, tool_calls: calls.map((call, index) => ({ ...call, index })) } : said
}
