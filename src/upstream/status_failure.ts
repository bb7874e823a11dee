import { AttemptFailure } from './attempt_failure.ts'
import { parseJson } from './json.ts'

/** Bytes of an error answer that are read. */
export const MOST_ERROR_BYTES = 65_536

const REFUSED_CODES = new Set([
  'insufficient_quota',
  'insufficient_credits',
  'insufficient_balance',
  'usage_limit_reached',
  'usage_limit_exceeded',
  'billing_hard_limit_reached',
  'billing_not_active',
  'billing_error',
  'account_deactivated',
  'invalid_api_key',
  'authentication_error',
])
const REFUSED =
  /insufficient[ _](?:quota|credits?|balance|funds)|usage[ _]limit|credit balance is too low|out of credits?|spending limit|billing hard limit|api key not valid|(?:invalid|incorrect) api key/i
const TOO_LONG =
  /context[ _](?:length|window|size)|maximum context|(?:prompt|input) is too long|too many (?:input )?tokens|exceeds? the (?:model's )?(?:maximum|max) (?:number of )?(?:input )?tokens/i

/**
 * What a status other than 2xx means. What the body says counts by its code, and by its message unless the words may come from
 * the request: nobody is to open a breaker by what they write.
 * @param request the body that was sent.
 * @param now milliseconds since 1970, for a `Retry-After` with a date.
 */
export function statusFailure(
  status: number,
  headers: Readonly<Record<string, string>>,
  answer: Uint8Array,
  request: string | Uint8Array,
  now: number,
): AttemptFailure {
  const { codes, message } = errorOf(answer)
  const code = codes.find(name => /^[a-z0-9_.-]{1,60}$/i.test(name))
  const phrase = `status ${status}${code ? ` (${code})` : ''}`
  const says = (pattern: RegExp) => {
    const words = pattern.exec(message)?.[0]
    return words !== undefined && !Buffer.from(request).toString('utf8').toLowerCase().includes(words.toLowerCase())
  }
  if (status >= 300 && status < 400) {
    const advice = 'Redirects are not followed; name the address that it leads to.'
    return new AttemptFailure(`${phrase}, a redirect`, 'lasting', { status, advice })
  }
  const mayBeRefused =
    [400, 403, 429].includes(status) && (codes.some(name => REFUSED_CODES.has(name)) || says(REFUSED))
  if (status === 401 || status === 402 || mayBeRefused) {
    return new AttemptFailure(phrase, 'account', { status, advice: 'Check the key and the credit of its account.' })
  }
  if (status === 408 || status === 409 || status === 425 || status === 429 || status >= 500) {
    return new AttemptFailure(phrase, 'passing', { status, wait: retryAfter(headers, now) })
  }
  const advice = 'Check the request, the base URL and the name of the model.'
  const isTooLong = codes.includes('context_length_exceeded') || TOO_LONG.test(message)
  if (isTooLong && [400, 413, 422].includes(status)) {
    return new AttemptFailure(`${phrase}, more than its context window`, 'unsuited', { status, advice })
  }
  const isOfModel = status === 403 || status === 404 || status === 405 || status === 410
  return new AttemptFailure(phrase, isOfModel ? 'unsuited' : 'request', { status, advice })
}

/** Nobody waits longer; milliseconds. */
const LONGEST_WAIT = 24 * 60 * 60 * 1000

/**
 * Milliseconds that an answer asks to wait, a day at most: `retry-after-ms`, else `retry-after` in seconds or as a date; undefined where it
 * does not say, or not in a way that can be read.
 */
export function retryAfter(headers: Readonly<Record<string, string>>, now: number): number | undefined {
  const wait = askedWait(headers, now)
  return wait === undefined ? undefined : Math.min(wait, LONGEST_WAIT)
}

function askedWait(headers: Readonly<Record<string, string>>, now: number): number | undefined {
  const exact = numberOf(headers['retry-after-ms'])
  if (exact !== undefined) return exact
  const header = headers['retry-after']
  const seconds = numberOf(header)
  if (seconds !== undefined) return seconds * 1000
  // Date.parse takes `-1` for a year.
  const date = /[a-z]{3}/i.test(header ?? '') ? Date.parse(header!) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

function numberOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\s*\d+(\.\d+)?\s*$/.test(header) ? Number(header) : undefined
}

/** Codes, and the message, of an error in the form of OpenAI, Anthropic or Google; nothing where it is in another. */
function errorOf(answer: Uint8Array): { codes: string[]; message: string } {
  const parsed = parseJson(Buffer.from(answer).toString('utf8'))
  const whole = (Array.isArray(parsed) ? parsed[0] : parsed) as { error?: unknown } | null | undefined
  const error = (whole?.error ?? whole) as Record<string, unknown> | string | null | undefined
  if (typeof error === 'string') return { codes: [], message: error }
  const codes = [error?.code, error?.type, error?.status].filter(code => typeof code === 'string')
  return { codes, message: typeof error?.message === 'string' ? error.message : '' }
}
