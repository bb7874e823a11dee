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
  // Step by step and in place: this is asked of every request, and most ask for nothing.
  const needs: { -readonly [K in keyof Needs]: Needs[K] } = {}
  let otherTokens = 0
  let images = 0
  const see = (part: Fields) => {
    if (isImage(part)) images++
    if (CALLS.includes(part.type)) otherTokens += jsonTokens(part)
    if (part.type !== 'tool_result') return
    otherTokens += jsonTokens(textOf(part.content) ?? '')
    for (const inner of recordsIn(part.content)) if (isImage(inner)) images++
  }
  for (const turns of [recordsIn(body.messages), recordsIn(body.input)]) {
    for (const turn of turns) {
      if (CALLS.includes(turn.type)) otherTokens += jsonTokens(turn)
      for (const call of recordsIn(turn.tool_calls)) otherTokens += jsonTokens(call)
      for (const part of recordsIn(turn.content)) see(part)
      for (const part of recordsIn(turn.output)) see(part)
    }
  }
  for (const tools of [recordsIn(body.tools), recordsIn(body.functions)]) {
    for (const tool of tools) otherTokens += jsonTokens(tool)
    if (tools.length > 0) needs.tools = true
  }
  const format = formatsOf(body).find(({ type }) => type === 'json_schema')
  if (format) {
    otherTokens += jsonTokens(format)
    needs.jsonSchema = true
  }
  const outputTokens = [body.max_completion_tokens, body.max_tokens, body.max_output_tokens].find(isCount)
  if (outputTokens !== undefined) needs.outputTokens = outputTokens
  if (images > 0) needs.vision = true
  otherTokens += images * TOKENS_PER_IMAGE
  if (otherTokens > 0) needs.otherTokens = otherTokens
  return needs
}

/** What says the form of the answer: of Chat Completions, of Responses, and of Anthropic. */
function formatsOf({ response_format, text, output_config }: Fields): readonly Fields[] {
  if (response_format === undefined && text === undefined && output_config === undefined) return NONE
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

const NONE: readonly Fields[] = []

const recordsIn = (value: unknown): readonly Fields[] =>
  Array.isArray(value) ? value.filter(item => typeof item === 'object' && item !== null) : NONE

const isImage = ({ type }: Fields) => type === 'image_url' || type === 'input_image' || type === 'image'

const isCount = (value: unknown): value is number => typeof value === 'number' && value >= 0

const jsonTokens = (value: unknown) => Math.ceil(JSON.stringify(value).length / JSON_PER_TOKEN)
