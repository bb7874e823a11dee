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

/** What an endpoint says, as it may be shown: the same bytes, or with `***` for secrets where one of them stands there whole. */
export function withoutQuotes(bytes: Uint8Array, model: Model): Uint8Array {
  const secrets = secretsOf(model)
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const lower = text.toLowerCase()
  const isQuoted = secrets.some(secret => lower.includes(secret))
  return isQuoted ? Buffer.from(withoutSecrets(text, secrets), 'latin1') : bytes
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
