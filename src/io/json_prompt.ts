import { didYouMean, kindOf, printable } from '../registry.ts'
import { textOf } from '../routing/needs.ts'
import { ADDED_COLUMNS } from './formats.ts'

/** A row that holds no prompt; the message says why and quotes no value. */
export class NoPromptError extends Error {
  override readonly name = 'NoPromptError'
}

/**
 * The prompt of one JSON object: the string under `column`, or the last user turn under `messages` where there is no such key.
 * Content given in parts counts by its text parts, joined by newlines. An empty prompt is one.
 * @throws NoPromptError
 */
export function promptOfJson(text: string, column: string): string {
  const row = parse(text)
  for (const key of ADDED_COLUMNS) {
    if (Object.hasOwn(row, key)) throw new NoPromptError(`expected no key ${key}, which routing adds`)
  }
  if (Object.hasOwn(row, column)) {
    const prompt = row[column]
    if (typeof prompt === 'string') return prompt
    throw new NoPromptError(`expected ${printable(column)} to be a string, got ${kindOf(prompt)}`)
  }
  if (Object.hasOwn(row, 'messages')) return lastUserTurn(row.messages)
  const keys = Object.keys(row)
  const seen = keys.slice(0, 10).map(printable).join(', ') || 'none'
  throw new NoPromptError(
    `expected a key "${printable(column)}" or "messages", got the keys ${seen}.${didYouMean(column, keys)}`,
  )
}

function parse(text: string): Readonly<Record<string, unknown>> {
  let row: unknown
  try {
    row = JSON.parse(text)
  } catch (error) {
    // The message of JSON.parse may quote the text; where it went wrong may be said.
    const place = /at position \d+/.exec((error as Error).message)?.[0]
    throw new NoPromptError(`not valid JSON${place ? ` ${place}` : ''}`)
  }
  if (kindOf(row) === 'an object') return row as Readonly<Record<string, unknown>>
  throw new NoPromptError(`expected a JSON object, got ${kindOf(row)}`)
}

function lastUserTurn(messages: unknown): string {
  if (!Array.isArray(messages)) throw new NoPromptError(`expected messages to be an array, got ${kindOf(messages)}`)
  const turn: unknown = messages.findLast(message => message?.role === 'user')
  if (turn === undefined) throw new NoPromptError('expected a message with the role user, got none')
  const { content } = turn as { content?: unknown }
  const text = textOf(content)
  if (text !== undefined) return text
  throw new NoPromptError(`expected the last user message to have content, got ${kindOf(content)}`)
}
