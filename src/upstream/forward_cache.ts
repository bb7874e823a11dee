import { createHash } from 'node:crypto'
import type { Model } from '../types.ts'
import { destinationOf } from './destination.ts'
import { shapingHeaders } from './forward_headers.ts'
import { parseJson } from './json.ts'
import type { Forwarded, ForwardRequest } from './upstream_types.ts'

/** An answer that has begun. */
export type Begun = Pick<Forwarded, 'status' | 'headers' | 'body' | 'bytes' | 'json' | 'release' | 'isFailed'>

/** A hash of all that decides the answer: where it is asked, and the whole request. The key is no part of it. */
export function keyOfForward(model: Model, { path, bodyFor, headers }: ForwardRequest): string {
  const { origin, path: full } = destinationOf(model, path)
  const where = JSON.stringify([origin, full, model.endpoint?.headers, shapingHeaders(headers)])
  return createHash('sha256').update(where).update(bodyFor(model)).digest('hex')
}

/** Whether a whole answer says that the model failed: of the Responses API, or a choice as OpenRouter says it. */
export function saysFailed(json: unknown): boolean {
  const { status, choices } = (json ?? {}) as { status?: unknown; choices?: unknown }
  return status === 'failed' || (Array.isArray(choices) && choices.some(choice => choice?.finish_reason === 'error'))
}

/** The same answer, given to `store` when it was whole, does not say that the model failed and is not longer than `most` bytes. */
export function storing(begun: Begun, most: number, store: (bytes: Uint8Array) => void): Begun {
  const { status, headers, json, body, bytes, release } = begun
  let chunks: Uint8Array[] = bytes ? [bytes] : []
  let size = bytes?.length ?? 0
  async function* passing() {
    for await (const chunk of body) {
      size += chunk.length
      if (size <= most) chunks.push(chunk)
      else chunks = []
      yield chunk
    }
  }
  return {
    ...begun,
    body: bytes ? body : passing(),
    release(ending, figures) {
      if (ending === 'whole' && size > 0 && size <= most && !begun.isFailed()) {
        const type = headers['content-type']
        const head = { status, type, isJson: json !== undefined && type !== 'text/event-stream' }
        store(Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), ...chunks]))
      }
      chunks = []
      release(ending, figures)
    },
  }
}

/** What `storing` stored; undefined where there is nothing. */
export function storedAnswer(stored: Uint8Array | undefined): Begun | undefined {
  if (!stored) return undefined
  const end = stored.indexOf(10)
  const head = parseJson(Buffer.from(stored.subarray(0, end)).toString('utf8')) as Head | undefined
  if (!head) return undefined
  const bytes = stored.subarray(end + 1)
  return {
    status: head.status,
    headers: head.type === undefined ? {} : { 'content-type': head.type },
    body: [bytes],
    bytes,
    ...(head.isJson ? { json: parseJson(Buffer.from(bytes).toString('utf8')) } : {}),
    release: () => {},
    isFailed: () => false,
  }
}

interface Head {
  readonly status: number
  readonly type?: string
  readonly isJson: boolean
}
