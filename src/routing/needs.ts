import type { Needs, Turn } from '../types.ts'

/** Tokens that an image counts as: OpenAI's figure for 1024 × 1024 in high detail. */
const TOKENS_PER_IMAGE = 765
/** Characters of JSON a token, at least: definitions of tools come to between 3 and 4. */
const JSON_PER_TOKEN = 3

/**
 * What the body of a request asks of a model, in the form of Chat Completions, Responses or Anthropic: tools, images, answers by a
 * JSON schema, and the longest answer. What has another form asks for nothing: the provider says so better.
 */
export function needsOf(body: Readonly<Record<string, unknown>>): Needs {
  const turns = [...recordsIn(body.messages), ...recordsIn(body.input)]
  const parts = turns.flatMap(({ content, output }) => [...recordsIn(content), ...recordsIn(output)])
  const results = parts.filter(({ type }) => type === 'tool_result')
  const images = [...parts, ...results.flatMap(({ content }) => recordsIn(content))].filter(isImage).length
  const tools = [...recordsIn(body.tools), ...recordsIn(body.functions)]
  const format = formatsOf(body).find(({ type }) => type === 'json_schema')
  const outputTokens = [body.max_completion_tokens, body.max_tokens, body.max_output_tokens].find(isCount)
  const counted = [
    ...tools,
    ...(format ? [format] : []),
    ...turns.flatMap(({ tool_calls }) => recordsIn(tool_calls)),
    ...[...turns, ...parts].filter(({ type }) => CALLS.includes(type)),
    ...results.map(({ content }) => textOf(content) ?? ''),
  ]
  const otherTokens = images * TOKENS_PER_IMAGE + counted.reduce((sum: number, value) => sum + jsonTokens(value), 0)
  return {
    ...(outputTokens === undefined ? {} : { outputTokens }),
    ...(otherTokens > 0 ? { otherTokens } : {}),
    ...(tools.length > 0 ? { tools: true } : {}),
    ...(images > 0 ? { vision: true } : {}),
    ...(format ? { jsonSchema: true } : {}),
  }
}

/** What says the form of the answer: of Chat Completions, of Responses, and of Anthropic. */
function formatsOf({ response_format, text, output_config }: Fields): Fields[] {
  return recordsIn([response_format, ...recordsIn([text, output_config]).map(({ format }) => format)])
}

/** Calls of tools that stand among the turns (Responses) or their parts (Anthropic). */
const CALLS: readonly unknown[] = ['function_call', 'custom_tool_call', 'tool_use']

/** The conversation in the body of a chat request, its parts of text joined by newlines. */
export function turnsOf(body: Readonly<Record<string, unknown>>): Turn[] {
  return recordsIn(body.messages).map(({ role, content }) => ({ role: String(role), text: textOf(content) ?? '' }))
}

/** The text of a message's content: itself, or its text parts joined by newlines; undefined where it has another form. */
export function textOf(content: unknown): string | undefined {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return undefined
  return recordsIn(content)
    .filter(({ type, text }) => TEXTS.includes(type) && typeof text === 'string')
    .map(({ text }) => text)
    .join('\n')
}

/** Parts that hold text: of Chat Completions and Anthropic's form, of Responses asked and answered. */
const TEXTS: readonly unknown[] = ['text', 'input_text', 'output_text']

type Fields = Readonly<Record<string, unknown>>

const recordsIn = (value: unknown): Fields[] =>
  Array.isArray(value) ? value.filter(item => typeof item === 'object' && item !== null) : []

const isImage = ({ type }: Fields) => type === 'image_url' || type === 'input_image' || type === 'image'

const isCount = (value: unknown): value is number => typeof value === 'number' && value >= 0

const jsonTokens = (value: unknown) => Math.ceil(JSON.stringify(value).length / JSON_PER_TOKEN)
