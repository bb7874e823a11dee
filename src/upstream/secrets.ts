import type { Model } from '../types.ts'
import { headersFor } from './destination.ts'

/** Characters from which on a part of a secret is one: an endpoint may quote it cut short. */
const TELLING = 8
/** A key shorter than this is a placeholder, and stands in every other word. */
const SHORTEST = 4
/** Headers that say nothing secret. */
const PLAIN = new Set(['content-type', 'anthropic-version'])

/**
 * What is sent to a model and must not be shown: its key, the values of its own headers, those of its query.
 * @throws UsageError where its environment variable holds no key.
 */
export function secretsOf(model: Model): readonly string[] {
  const sent = Object.entries(headersFor(model)).flatMap(([name, value]) => (PLAIN.has(name) ? [] : [value]))
  return [...sent, ...Object.values(model.endpoint?.query ?? {})]
    .map(value => value.replace(/^(?:Bearer|Basic) +/i, '').toLowerCase())
    .filter(({ length }) => length >= SHORTEST)
}

/** What an endpoint says of an error, as it may be shown: the same bytes, with `***` for credentials that it quotes, escaped or not. */
export function withoutCredentials(bytes: Uint8Array, model: Model): Uint8Array {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const hasEscapes = text.includes('\\')
  const shown = credentialsOf(model).reduce(
    (rest, credential) => rest.replaceAll(hasEscapes ? escapedOrNot(credential) : credential, '***'),
    text,
  )
  return shown === text ? bytes : Buffer.from(shown, 'latin1')
}

/** A text as JSON may have it: any character by its number, some behind a backslash, in JSON that is a text within JSON several. */
function escapedOrNot(text: string): RegExp {
  const units = Array.from({ length: text.length }, (_, i) => {
    const number = text.charCodeAt(i).toString(16).padStart(4, '0')
    const anyCase = number.replace(/[a-f]/g, digit => `[${digit}${digit.toUpperCase()}]`)
    return `(?:${'"/\\'.includes(text[i]!) ? BACKSLASHES : ''}\\u${number}|\\\\{1,7}u${anyCase})`
  })
  return new RegExp(units.join(''), 'g')
}

const BACKSLASHES = '\\\\{0,7}'

/** Names of headers, and of parts of a query, whose values nobody else may know; other values may be any word. */
const CREDENTIAL = /auth|key|token|secret|password|signature|cookie|credential/i

function credentialsOf(model: Model): string[] {
  const sent = [...Object.entries(headersFor(model)), ...Object.entries(model.endpoint?.query ?? {})]
  return sent
    .flatMap(([name, value]) => (CREDENTIAL.test(name) ? [value.replace(/^(?:Bearer|Basic) +/i, '')] : []))
    .filter(({ length }) => length >= SHORTEST)
}

/** A text with `***` for every part of it that is a secret, or eight characters or more of one, in capitals or not. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const lower = text.toLowerCase()
  let shown = ''
  for (let from = 0; from < text.length; ) {
    const length = Math.max(0, ...secrets.map(secret => commonLength(lower, from, secret)))
    shown += length > 0 ? '***' : text[from]!
    from += Math.max(1, length)
  }
  return shown
}

/** Characters of the text from there on that stand in the secret as well; 0 where they are too few to tell. */
function commonLength(text: string, from: number, secret: string): number {
  let length = Math.min(TELLING, secret.length)
  if (from + length > text.length || !secret.includes(text.slice(from, from + length))) return 0
  while (from + length < text.length && secret.includes(text.slice(from, from + length + 1))) length++
  return length
}
