import type { Format } from './formats.ts'

/** What is asked of every model alike. */
export interface BodyOptions {
  /** Goes first, where the conversation has no system message of its own. */
  readonly system?: string
  /** Tokens that an answer may have. */
  readonly maxTokens?: number
  readonly temperature?: number
}

/** A chat request without its model. */
export type RequestBody = Readonly<Record<string, unknown>> & { readonly messages: readonly unknown[] }

/** Keys of a JSONL row that are part of the request, as in OpenAI's form; all others only belong to the row. */
const REQUEST_KEYS = [
  'tools',
  'tool_choice',
  'response_format',
  'temperature',
  'top_p',
  'max_tokens',
  'max_completion_tokens',
  'stop',
  'seed',
  'reasoning_effort',
]

/** The request that a prompt makes. */
export function bodyOfPrompt(prompt: string, options: BodyOptions): RequestBody {
  return withOptions({ messages: [{ role: 'user', content: prompt }] }, options)
}

/**
 * The request that a row makes: of JSONL its `messages` (unless it has the prompt column) and the keys of a chat request that
 * stand beside them, which come before options; else its prompt.
 * @param record the row's bytes.
 */
export function bodyOfRow(
  record: Uint8Array,
  prompt: string,
  { format, promptColumn }: { readonly format: Format; readonly promptColumn: string },
  options: BodyOptions,
): RequestBody {
  if (format !== 'jsonl') return bodyOfPrompt(prompt, options)
  const row = JSON.parse(Buffer.from(record.buffer, record.byteOffset, record.byteLength).toString('utf8'))
  const isChat = Array.isArray(row.messages) && !Object.hasOwn(row, promptColumn)
  const own = Object.fromEntries(REQUEST_KEYS.filter(key => Object.hasOwn(row, key)).map(key => [key, row[key]]))
  return withOptions({ messages: isChat ? row.messages : [{ role: 'user', content: prompt }], ...own }, options)
}

function withOptions(body: RequestBody, { system, maxTokens, temperature }: BodyOptions): RequestBody {
  const isLimited = 'max_tokens' in body || 'max_completion_tokens' in body
  const hasSystem = body.messages.some(message => ['system', 'developer'].includes((message as { role: string })?.role))
  return {
    ...(maxTokens === undefined || isLimited ? {} : { max_tokens: maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...body,
    ...(system === undefined || hasSystem ? {} : { messages: [{ role: 'system', content: system }, ...body.messages] }),
  }
}
