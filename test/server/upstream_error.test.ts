import { expect, test } from 'vitest'
import { upstreamErrorOf } from '../../src/server/upstream_error.ts'
import type { FailureCategory } from '../../src/upstream/attempt_failure.ts'
import { type Attempt, CallError } from '../../src/upstream/upstream_types.ts'

const NOW = 1_000_000
const tried = (model: string, category: FailureCategory, more: Partial<Attempt> = {}): Attempt => ({
  ...{ model, category, failure: category, latency: 5 },
  ...more,
})
const told = (attempts: readonly Attempt[], more: { retryAt?: number; told?: string } = {}) =>
  upstreamErrorOf(
    new CallError('big (10.0.0.3:8000): failed', {
      ...{ attempts, told: 'big: failed', isAccountRefused: false, isRequestRefused: false },
      ...more,
    }),
    NOW,
  )

test.each<[string, readonly Attempt[], number, string]>([
  ['all too often', [tried('a', 'rate_limit'), tried('b', 'rate_limit')], 429, 'rate_limit_exceeded'],
  ['all too late', [tried('a', 'timeout'), tried('b', 'timeout')], 504, 'upstream_timeout'],
  ['all refused', [tried('a', 'request', { status: 422 })], 422, 'request_refused'],
  ['our own fault', [tried('a', 'own'), tried('b', 'own')], 503, 'server_overloaded'],
  ['account refused', [tried('a', 'account', { status: 429 })], 502, 'upstream_failed'],
  ['of two kinds', [tried('a', 'rate_limit'), tried('b', 'other')], 502, 'upstream_failed'],
  ['one attempt of two kinds', [tried('a', 'other'), tried('a', 'rate_limit')], 502, 'upstream_failed'],
  ['a fallback without a key', [tried('a', 'rate_limit'), { model: 'b', latency: 0 }], 429, 'rate_limit_exceeded'],
  ['nothing known', [], 502, 'upstream_failed'],
])('%s', (_, attempts, status, code) => {
  expect(told(attempts)).toMatchObject({ status, code, message: 'big: failed', detail: 'big (10.0.0.3:8000): failed' })
})

test('the earliest time that a model gave counts, of each model its latest', () => {
  const attempts = [
    tried('a', 'rate_limit', { retryAt: NOW + 1000 }),
    tried('a', 'rate_limit', { retryAt: NOW + 40_000 }),
    tried('b', 'rate_limit', { retryAt: NOW + 20_001 }),
  ]
  expect(told(attempts, { retryAt: NOW + 60_000 }).retryAfter).toBe(21)
  expect(told([tried('a', 'rate_limit')])).not.toHaveProperty('retryAfter')
  expect(told([tried('a', 'rate_limit', { retryAt: NOW - 1 })]).retryAfter).toBe(1)
})

test('an error that nobody wrote for clients tells them nothing', () => {
  const error = upstreamErrorOf(new Error('http://10.0.0.3:8000/v1/embeddings: status 500'), NOW)
  expect(error).toEqual({
    status: 502,
    type: 'upstream_error',
    code: 'upstream_failed',
    message: 'A service that the router asks before it decides did not answer.',
    detail: 'http://10.0.0.3:8000/v1/embeddings: status 500',
  })
})
