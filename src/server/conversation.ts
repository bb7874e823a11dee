import { kindOf } from '../registry.ts'
import { textOf } from '../routing/needs.ts'
import { hashTwice } from '../text/hash.ts'
import type { Turn } from '../types.ts'
import { invalidRequest } from './envelope.ts'

type Fields = Readonly<Record<string, unknown>>

/** What a request says, whatever its form. */
export interface Conversation {
  readonly turns: readonly Turn[]
  /** The text of the last user turn that has any, as one of results of tools or images alone has not; '' where none has. */
  readonly prompt: string
}

/** Reads `messages` (Chat Completions, Anthropic), `input` (Responses, Embeddings) or `prompt` (Completions). Throws ApiFailure. */
export function readConversation(body: Fields): Conversation {
  const turns = turnsOf(body)
  const prompt = turns.findLast(({ role, text }) => role === 'user' && text !== '')?.text ?? ''
  return { turns, prompt }
}

/** What is scored of a conversation: its prompt, or all that user and model said. */
export function scoredText({ turns, prompt }: Conversation, isWhole: boolean): string {
  if (!isWhole) return prompt
  return turns
    .filter(({ role }) => role === 'user' || role === 'assistant')
    .map(({ text }) => text)
    .join('\n\n')
}

/** Characters by which first turns are told apart. */
const TELLING = 10_000

/**
 * The same for all requests of a conversation, and no text that could be read back: 64 bits of hash of who asked for what in its
 * first user turn: its text, else its other parts. Users that the request tells apart, by name or `prompt_cache_key`, have a
 * conversation each.
 * @param client whose key was shown.
 */
export function conversationKey(
  name: string,
  { turns }: Conversation,
  client: string,
  body: Fields,
): string | undefined {
  const first = turns.find(({ role }) => role === 'user')
  if (!first) return undefined
  const who = `${cut(userOf(body) ?? '')}\0${cut(nameIn(body.prompt_cache_key) ?? '')}`
  const asked = first.text === '' ? partsOf(body) : first.text
  const said = `${client}\0${name}\0${who}\0${asked.length}\0${cut(asked)}`
  // As small integers, which are written many times faster than one large number.
  const [one, other] = hashTwice(said, 1, 2)
  return `${one | 0}:${other | 0}`
}

/** Who asks, by the name that the client gives: `user` or its successor in OpenAI's forms, `metadata.user_id` in Anthropic's. */
export function userOf({ user, safety_identifier: identifier, metadata }: Fields): string | undefined {
  return nameIn(user) ?? nameIn(identifier) ?? nameIn((metadata as Fields | null | undefined)?.user_id)
}

/** A name that a client gives; undefined for what is none. */
export function nameIn(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function cut(text: string): string {
  return text.slice(0, TELLING)
}

/** What the first user turn holds that is no text, such as images, but for marks that move from turn to turn. */
function partsOf({ messages, input }: Fields): string {
  const listed = messages ?? input
  const first = Array.isArray(listed) ? listed.find(message => turnOf(message).role === 'user') : undefined
  const telling = (name: string, value: unknown) => {
    if (name === 'cache_control') return undefined
    return typeof value === 'string' ? `${value.length} ${cut(value)}` : value
  }
  return JSON.stringify((first as Fields | undefined)?.content, telling) ?? ''
}

/**
 * Whether a model has said something before: a turn of its own, or what only follows one, such as calls of tools, reasoning and
 * results, which the Responses API writes as items without a role.
 */
export function isContinued({ turns }: Conversation): boolean {
  return turns.some(({ role }) => role === 'assistant' || role === ITEM)
}

/** Longest id that is remembered; OpenAI's have about 60 characters. */
const LONGEST_ID = 256

/** The key of a response of the Responses API, which only the model can continue that made it; undefined for what is no id. */
export function responseKey(id: unknown): string | undefined {
  return typeof id === 'string' && id !== '' && id.length <= LONGEST_ID ? `response:${id}` : undefined
}

/** The key of what a request to the Responses API continues by its id: a response, or a conversation that the provider keeps. */
export function continuedKey(body: Fields): string | undefined {
  const { previous_response_id: previous, conversation } = body
  const { id = conversation } = (conversation ?? {}) as { id?: unknown }
  return responseKey(previous) ?? responseKey(id)
}

/**
 * Whether an answer depends on, or changes, what the provider keeps beside the request: one from a cache would leave that behind.
 * Responses are kept unless the request says `store: false`, other answers only where it says `store: true`.
 * @param path behind the base URL.
 */
export function keepsState(
  path: string,
  { conversation, previous_response_id: previous, container, store, background }: Fields,
): boolean {
  const isContinued = (conversation ?? previous ?? container ?? undefined) !== undefined
  const isStored = path === '/responses' ? store !== false : store === true
  return isContinued || isStored || background === true
}

function turnsOf(body: Fields): Turn[] {
  const { messages, input, prompt } = body
  const system = systemOf(body)
  if (messages !== undefined) {
    if (!Array.isArray(messages))
      throw invalidRequest(
        `messages: expected a list of messages, got ${kindOf(messages)}. Send [{ "role": "user", "content": "…" }].`,
        'messages',
      )
    return [...system, ...messages.map(turnOf)]
  }
  const said = input ?? prompt
  if (typeof said === 'string') return [...system, { role: 'user', text: said }]
  if (!Array.isArray(said)) return system
  // Ids of tokens, of one prompt or several: what they say is not known.
  if (typeof said[0] === 'number' || Array.isArray(said[0])) return [...system, { role: 'user', text: '' }]
  const isOfTexts = said.every(item => typeof item === 'string')
  return [...system, ...(isOfTexts ? [{ role: 'user', text: said.join('\n') }] : said.map(turnOf))]
}

/** What stands beside the turns: `system` of Anthropic's form, `instructions` of Responses. */
function systemOf({ system, instructions }: Fields): Turn[] {
  const text = textOf(system ?? instructions)
  return text ? [{ role: 'system', text }] : []
}

/** The role of what has a type and no role. */
const ITEM = 'other'

function turnOf(message: unknown): Turn {
  const { role, content, type, text, output } = (message ?? {}) as Fields
  return {
    role: typeof role === 'string' ? role : type === undefined ? 'user' : ITEM,
    text: textOf(content ?? text ?? output) ?? '',
  }
}
