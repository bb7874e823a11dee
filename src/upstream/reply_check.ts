import { AttemptFailure } from './attempt_failure.ts'
import { MOST_ERROR_BYTES, statusFailure } from './status_failure.ts'
import type { Reply } from './transport.ts'

/** Bytes of an error answer, and what it means. */
export interface RefusedReply {
  readonly answer: Buffer
  readonly failure: AttemptFailure
}

/** Whether a reply is no answer: not 2xx. */
export function isRefusal({ status }: Reply): boolean {
  return status < 200 || status >= 300
}

/**
 * What a reply that is no answer means.
 * @param request the body that was sent.
 * @param now milliseconds since 1970.
 */
export async function readRefusal(
  { status, headers, body }: Reply,
  request: string | Uint8Array,
  now: number,
): Promise<RefusedReply> {
  // A long or broken one is known by its status.
  const answer = await body.bytes(MOST_ERROR_BYTES).catch(error => {
    if (error instanceof AttemptFailure) return Buffer.alloc(0)
    throw error
  })
  return { answer, failure: statusFailure(status, headers, answer, request, now) }
}

/** What a 2xx reply holds. @throws AttemptFailure where it is neither JSON nor an event stream, after giving it up. */
export function contentOf({ headers, body }: Reply): 'json' | 'events' {
  const type = headers['content-type'] ?? 'application/json'
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding === 'identity' && /^[^;]*\bjson\s*(?:;|$)/i.test(type)) return 'json'
  if (encoding === 'identity' && /^\s*text\/event-stream\s*(?:;|$)/i.test(type)) return 'events'
  body.cancel()
  const name = /^[\w.+-]{1,40}\/[\w.+-]{1,40}/.exec(type)?.[0] ?? 'one that cannot be read'
  throw new AttemptFailure(
    encoding === 'identity' ? `content type ${name}` : 'a compressed answer, which was not asked for',
    'passing',
    { advice: 'Check the base URL.' },
  )
}
