import type { Decision, Pool } from '../types.ts'
import { judgeOf } from '../upstream/plan.ts'
import type { ReceivedBytes } from '../upstream/upstream_types.ts'
import { hasKey, unkeyed } from './deciding.ts'
import { type ApiFailure, invalidRequest } from './envelope.ts'
import { withValues } from './json_span.ts'

type Fields = Readonly<Record<string, unknown>>

/** What cannot be put one after the other so that it still is what was asked for. */
const WHOLE = ['tools', 'functions', 'response_format', 'logprobs', 'audio']

/**
 * Refuses what several models cannot answer together, rather than answering something else.
 * @throws ApiFailure (400), which says what to do instead.
 */
export function requireMergeable({ policy, merge }: Decision, path: string, body: Fields): void {
  const one = 'name one model, or router-STRATEGY-THRESHOLD'
  if (path !== '/chat/completions') {
    throw refused(
      `/v1${path}: expected a policy that picks one model, got ${policy}, which asks several for one answer and does so at /v1/chat/completions. Ask there, ${one}.`,
      'model',
    )
  }
  if (!Array.isArray(body.messages)) throw invalidRequest('messages: expected a list, got none.', 'messages')
  if (typeof body.n === 'number' && body.n > 1) {
    throw refused(
      `n: expected 1 under ${policy}, which asks several models for one answer, got ${body.n}. Send as many requests, ${one}.`,
      'n',
    )
  }
  const whole = merge?.by === 'concatenate' ? WHOLE.find(name => isAskedFor(body[name])) : undefined
  if (whole !== undefined) {
    throw refused(
      `${whole}: expected none under ${policy} with merge: concatenate, whose answer is text, got some. Leave it out, ${one}.`,
      whole,
    )
  }
}

/** Before anybody is asked, and paid. @throws ApiFailure (503) where the judge of a plan has no key. */
export function requireJudgeKey(decision: Decision, { models }: Pool): void {
  const judge = models.find(({ id }) => id === judgeOf(decision))
  if (judge && !hasKey(judge)) throw unkeyed(judge)
}

/** The received bytes as they go to each of several models, whose answers are wanted whole. */
export function receivedBytes(bytes: Uint8Array, { stream, stream_options: options }: Fields): ReceivedBytes {
  const whole = withValues(bytes, {
    ...(stream === true ? { stream: false } : {}),
    // Without a stream it is refused.
    ...(options === undefined || options === null ? {} : { stream_options: null }),
  })
  return fields => withValues(whole, fields)
}

function isAskedFor(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  const { type } = (value ?? {}) as { type?: unknown }
  return Boolean(value) && type !== 'text'
}

function refused(message: string, param: string): ApiFailure {
  return invalidRequest(message, param, 'unsupported_by_policy')
}
