import type { Model } from '../types.ts'
import { anthropicForm } from './anthropic_form.ts'
import type { StreamEvent } from './event_stream.ts'
import { openaiForm } from './openai_form.ts'
import type { ChatBody } from './upstream_types.ts'

/** An answer in the form of `/chat/completions`. */
export type Completion = Readonly<Record<string, unknown>> & { readonly choices: readonly Choice[] }

/** One of `n`. */
export interface Choice {
  readonly index: number
  readonly message: Readonly<Record<string, unknown>>
  readonly finish_reason: string | null
}

/** Puts a streamed answer together. */
export interface CompletionReader {
  /** The piece of text of the first choice that the event adds, '' for none. @throws AttemptFailure where it tells of an error. */
  take(event: StreamEvent): string
  /** Whether the endpoint said that nothing follows. */
  isDone(): boolean
  /** @throws AttemptFailure where the stream ended before the answer did. */
  end(): Completion
}

/** How an endpoint is talked to. */
export interface ChatForm {
  /** What follows the base URL. */
  readonly path: string
  /** The request to send. */
  request(body: ChatBody, model: Model, isStream: boolean): unknown
  /** The answer to one that is not streamed. @throws AttemptFailure where it is none. */
  read(json: unknown): Completion
  reader(): CompletionReader
}

/** The form that the endpoint of a model speaks. */
export function formOf(model: Model): ChatForm {
  return model.endpoint?.api === 'anthropic' ? anthropicForm : openaiForm
}

/** Text of the first choice, '' where there is none: some endpoints give it in parts. */
export function textOf({ choices }: Completion): string {
  const content = choices[0]?.message.content
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.map(part => (typeof part?.text === 'string' ? part.text : '')).join('')
}
