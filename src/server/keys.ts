import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Client } from './server_types.ts'

/** A client's key, as the configuration holds it. */
export interface ClientKey extends Client {
  /** Of the key, in hex: the key itself is kept nowhere. It has 256 random bits, so that no slow hash is needed. */
  readonly sha256: string
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/** A new key, and what the configuration keeps of it. */
export function createKey(): { readonly key: string; readonly sha256: string } {
  const key = `llmr-${randomBytes(32).toString('base64url')}`
  return { key, sha256: digest(key).toString('hex') }
}

/**
 * A client's headers as they go to models. All clients share the models' accounts, where a key of idempotency names an answer: of a
 * client that shows a key of its own it becomes another, always the same, that no other client's can become.
 */
export function ownHeaders(headers: Headers, { name }: Client): Headers {
  const given = headers[IDEMPOTENCY]
  if (given === undefined || name === '') return headers
  return { ...headers, [IDEMPOTENCY]: digest(JSON.stringify([name, given])).toString('hex') }
}

const IDEMPOTENCY = 'idempotency-key'

/** By which somebody who has a key can tell whether it is this one: the first 12 digits of its SHA-256. */
export function fingerprint({ sha256 }: Pick<ClientKey, 'sha256'>): string {
  return sha256.slice(0, 12)
}

/** The key that a client shows, as `authorization: Bearer`, `x-api-key` or `api-key`, or as the password of a browser. */
export function shownKey({ authorization, ...headers }: Headers): string | undefined {
  const [, scheme = '', shown = ''] = /^(Bearer|Basic) +(\S+) *$/i.exec(String(authorization ?? '')) ?? []
  const isBasic = scheme.toLowerCase() === 'basic'
  const bearer = isBasic
    ? Buffer.from(shown, 'base64').toString('utf8').split(':').slice(1).join(':')
    : shown || undefined
  return [bearer, headers['x-api-key'], headers['api-key']].find(value => typeof value === 'string') as
    | string
    | undefined
}

/** Finds whose key is shown. Looks at every key in constant time, so that an answer's time tells nothing about them. */
export function createKeyRing(keys: readonly ClientKey[]): (shown: string) => ClientKey | undefined {
  const digests = keys.map(({ sha256 }) => Buffer.from(sha256, 'hex'))
  return shown => {
    const own = digest(shown)
    let found: ClientKey | undefined
    for (const [i, other] of digests.entries()) if (timingSafeEqual(own, other)) found = keys[i]
    return found
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
