import type { ApiError } from './envelope.ts'
import type { Client } from './server_types.ts'

/** A minute, in milliseconds. */
const MINUTE = 60_000

/** How many requests each key may still send: a bucket of one minute's requests, one at least, filled evenly. */
export function createRates(now: () => number): {
  /** Takes one request. Gives why it may not be sent; undefined where it may. */
  take(client: Client): ApiError | undefined
} {
  const buckets = new Map<string, { tokens: number; at: number }>()
  return {
    take({ name, rateLimit }) {
      if (rateLimit === undefined) return undefined
      const capacity = Math.max(1, rateLimit)
      const known = buckets.get(name) ?? { tokens: capacity, at: now() }
      const tokens = Math.min(capacity, known.tokens + ((now() - known.at) * rateLimit) / MINUTE)
      buckets.set(name, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now() })
      if (tokens >= 1) return undefined
      return {
        status: 429,
        type: 'rate_limit_error',
        code: 'rate_limit_exceeded',
        message: `This key may send ${rateLimit} requests a minute.`,
        retryAfter: Math.max(1, Math.ceil((((1 - tokens) / rateLimit) * MINUTE) / 1000)),
      }
    },
  }
}
