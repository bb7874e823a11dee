import { finalAnswer } from '../text/final_answer.ts'
import { parseJson } from './json.ts'
import type { Answer } from './upstream_types.ts'

type Said = Pick<Answer, 'text' | 'body'>

/** What an answer says, as a judge reads it: its text, else what it refuses with, and the tools that it calls. */
export function saidOf(answer: Said): string {
  const calls = callsOf(answer)
  const text = wordsOf(answer)
  if (calls.length === 0) return text
  return [...(text === '' ? [] : [text]), ...calls.map(call => `[calls ${call}]`)].join('\n')
}

/** The same for answers that come to the same: the tools that are called, where there are any, else `finalAnswer` of the text. */
export function gistOf(answer: Said): string {
  const calls = callsOf(answer)
  return calls.length > 0 ? `calls ${calls.join(' ')}` : finalAnswer(wordsOf(answer))
}

/** Refusals stand in a field of their own, beside a text that is empty. */
function wordsOf(answer: Said): string {
  if (answer.text !== '') return answer.text
  const { refusal } = messageOf(answer)
  return typeof refusal === 'string' ? refusal : ''
}

interface Call {
  readonly name?: unknown
  readonly arguments?: unknown
}

interface Message {
  readonly tool_calls?: readonly { readonly function?: Call; readonly custom?: { name?: unknown; input?: unknown } }[]
  readonly function_call?: Call
  readonly refusal?: unknown
}

/** `look({"at":"sky"})` for each, arguments with their keys in order, since models write them in any. */
function callsOf(answer: Said): string[] {
  const { tool_calls: tools, function_call: old } = messageOf(answer)
  const calls = [
    ...(Array.isArray(tools) ? tools : []).map(
      (tool): Call => tool?.function ?? { name: tool?.custom?.name, arguments: tool?.custom?.input },
    ),
    ...(old ? [old] : []),
  ]
  // What is no text, as the arguments are with some providers, stands as JSON: it may be an object that has no text to give.
  return calls.map(({ name, arguments: given }) => `${asText(name)}(${inOrder(asText(given ?? ''))})`)
}

function messageOf({ body }: Said): Message {
  const { choices } = (body ?? {}) as { choices?: readonly { readonly message?: Message | null }[] }
  return choices?.[0]?.message ?? {}
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

function inOrder(json: string): string {
  const value = parseJson(json)
  return value === undefined ? json : JSON.stringify(sorted(value))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  )
}
