import { type Completion, textOf } from '../upstream/chat_form.ts'
import type { PlanAnswer } from '../upstream/plan_types.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * The body of an answer that several models gave together: that of the model whose answer it is, with the tokens of all calls, and
 * with the merged text where that is another; what the model refused with stands there as well.
 */
export function plannedBody({ body, text, usage }: PlanAnswer): Completion & { readonly usage: Fields } {
  const own = body as Completion
  const [choice] = own.choices
  const { inputTokens, outputTokens, cachedInputTokens } = usage
  const message = textOf(own) === text ? choice!.message : saying(text, choice!.message)
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

function saying(text: string, message: Fields): Fields {
  return { ...message, content: text, ...(message.refusal ? { refusal: null } : {}) }
}
