import { type Completion, textOf } from '../upstream/chat_form.ts'
import type { PlanAnswer } from '../upstream/plan_types.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * The body of an answer that several models gave together: that of the model whose answer it is, with the tokens of all calls, and
 * with the merged text where that is another.
 */
export function plannedBody({ body, text, usage }: PlanAnswer): Completion & { readonly usage: Fields } {
  const own = body as Completion
  const [choice] = own.choices
  const { inputTokens, outputTokens, cachedInputTokens } = usage
  const message = textOf(own) === text ? choice!.message : { ...choice!.message, content: text }
  return {
    ...own,
    choices: [{ ...choice!, index: 0, message }],
    usage: {
      prompt_tokens: inputTokens,
      completion_tokens: outputTokens,
      total_tokens: inputTokens + outputTokens,
      ...(cachedInputTokens === undefined ? {} : { prompt_tokens_details: { cached_tokens: cachedInputTokens } }),
    },
  }
}

/**
 * The same as a stream of one piece. With `includesUsage` a last chunk without choices tells the tokens, and all others say that
 * theirs are null, as OpenAI has it.
 */
export function plannedEvents(answer: PlanAnswer, includesUsage: boolean): string {
  const { choices, usage, ...head } = plannedBody(answer)
  const { message, finish_reason, ...rest } = choices[0]!
  const { tool_calls: calls, ...said } = message
  const delta = Array.isArray(calls) ? { ...said, tool_calls: calls.map((call, index) => ({ index, ...call })) } : said
  const chunk = (choices: readonly Fields[], usage: unknown) =>
    `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices, ...(includesUsage ? { usage } : {}) })}\n\n`
  return [
    chunk([{ ...rest, delta, finish_reason: null }], null),
    chunk([{ index: 0, delta: {}, finish_reason: finish_reason ?? 'stop' }], null),
    ...(includesUsage ? [chunk([], usage)] : []),
    'data: [DONE]\n\n',
  ].join('')
}
