import { roughTokens } from '../text/tokens.ts'
import type { Needs, Turn } from '../types.ts'

/** Tokens that an image counts as: OpenAI's figure for 1024 × 1024 in high detail. */
const TOKENS_PER_IMAGE = 765
/** Tokens that a file counts as that is no text: what Anthropic says of a page of a PDF at least. Nobody tells how many it has. */
const TOKENS_PER_FILE = 1500
/** Bytes of JSON a token, at least: definitions of tools come to between 3 and 4. */
const JSON_PER_TOKEN = 3

/**
 * What the body of a request asks of a model, in the form of Chat Completions, Responses, Completions or Anthropic: tools, images,
 * audio, video, files, answers by a JSON schema, and the longest answer. What has another form asks for nothing: the provider says
 * so better.
 */
export function needsOf(body: Readonly<Record<string, unknown>>): Needs {
  // Step by step and in place: this is asked of every request, and most ask for nothing.
  const needs: { -readonly [K in keyof Needs]: Needs[K] } = {}
  let otherTokens = 0
  let images = 0
  const see = (part: Fields) => {
    const { type } = part
    if (IMAGES.includes(type)) images++
    else if (AUDIO.includes(type)) needs.audio = true
    else if (VIDEO.includes(type)) needs.video = true
    else if (FILES.includes(type)) seeFile(part)
    else if (CALLS.includes(type)) otherTokens += jsonTokens(part)
    else if (RESULTS.includes(type)) seeWithin(part.content)
    else otherTokens += tokensBesideText(part)
  }
  const seeWithin = (content: unknown) => {
    otherTokens += jsonTokens(textOf(content) ?? '')
    for (const inner of recordsIn(content)) see(inner)
  }
  const seeFile = (part: Fields) => {
    const { type, data, content } = (part.source ?? {}) as Fields
    // Anthropic's documents may be texts, which every model takes.
    if (type === 'content') return seeWithin(content)
    if (type === 'text') {
      otherTokens += tokensIn(data)
      return
    }
    needs.files = true
    const { file_data: bytes } = (part.file ?? part) as Fields
    otherTokens += typeof bytes === 'string' && TEXT_FILE.test(bytes) ? encodedTokens(bytes) : TOKENS_PER_FILE
  }
  for (const turns of [recordsIn(body.messages), recordsIn(body.input)]) {
    for (const turn of turns) {
      if (CALLS.includes(turn.type)) otherTokens += jsonTokens(turn)
      for (const call of recordsIn(turn.tool_calls)) otherTokens += jsonTokens(call)
      if (turn.function_call) otherTokens += jsonTokens(turn.function_call)
      otherTokens += tokensBesideText(turn)
      for (const part of recordsIn(turn.content)) see(part)
      for (const part of recordsIn(turn.output)) see(part)
    }
  }
  for (const tools of [recordsIn(body.tools), recordsIn(body.functions)]) {
    for (const tool of tools) otherTokens += jsonTokens(tool)
    if (tools.length > 0) needs.tools = true
  }
  otherTokens += tokensIn(body.suffix)
  otherTokens += idsIn(body.prompt) + idsIn(body.input)
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

/** Parts that are no text. */
const IMAGES: readonly unknown[] = ['image_url', 'input_image', 'image']
const AUDIO: readonly unknown[] = ['input_audio', 'audio_url']
const VIDEO: readonly unknown[] = ['video_url', 'input_video', 'video']
const FILES: readonly unknown[] = ['file', 'input_file', 'document']
/** Calls of tools that stand among the turns (Responses) or their parts (Anthropic). */
const CALLS: readonly unknown[] = ['function_call', 'custom_tool_call', 'tool_use', 'server_tool_use', 'mcp_tool_use']
/** Parts that hold others, of Anthropic's form. */
const RESULTS: readonly unknown[] = ['tool_result', 'search_result', 'mcp_tool_result', 'web_search_tool_result']
/** Files that are texts, by their type. */
const TEXT_FILE =
  /^data:(?:text\/|application\/(?:[\w.-]+\+)?(?:json|jsonl|x-ndjson|xml|yaml|x-yaml|toml|sql|javascript)[;,])/i

/** What an earlier answer, or a part of it, holds beside its text: its thinking, why it refused, what only the provider reads. */
function tokensBesideText({ thinking, refusal, encrypted_content: encrypted }: Fields): number {
  return tokensIn(thinking) + tokensIn(refusal) + (typeof encrypted === 'string' ? encodedTokens(encrypted) : 0)
}

/** Prompts of Completions and Embeddings that come as ids of tokens, one prompt or several. */
function idsIn(value: unknown): number {
  if (!Array.isArray(value)) return 0
  if (typeof value[0] === 'number') return value.length
  return Array.isArray(value[0]) ? value.reduce((sum, inner) => sum + idsIn(inner), 0) : 0
}

/** The conversation in the body of a chat request, its parts of text joined by newlines. */
export function turnsOf(body: Readonly<Record<string, unknown>>): Turn[] {
  return recordsIn(body.messages).map(({ role, content }) => ({
    role: typeof role === 'string' ? role : '',
    text: textOf(content) ?? '',
  }))
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

const isCount = (value: unknown): value is number => typeof value === 'number' && value >= 0

const tokensIn = (value: unknown) => (typeof value === 'string' ? roughTokens(value) : 0)

/** Of base64: four characters of three bytes. */
const encodedTokens = (text: string) => Math.ceil((roughTokens(text) * 3) / 4)

const jsonTokens = (value: unknown) => Math.ceil(Buffer.byteLength(JSON.stringify(value)) / JSON_PER_TOKEN)
