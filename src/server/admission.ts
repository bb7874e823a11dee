import { ApiFailure } from './envelope.ts'
import { type ClientKey, createKeyRing, shownKey } from './keys.ts'
import type { Admission } from './server_types.ts'

/** Who may ask, and how much at a time. */
export interface AdmissionOptions {
  /** None: everyone may. */
  readonly keys: readonly ClientKey[]
  /** Requests under way at a time. */
  readonly maxConcurrency: number
  /** Requests that wait for a place; beyond, 503. */
  readonly maxQueue: number
  readonly now: () => number
  /** US dollars that a key has spent today. */
  spentToday(name: string): number
}

/** Waiting and running requests of this moment. */
export interface AdmissionGauge {
  readonly running: () => number
  readonly waiting: () => number
}

/** A minute, in milliseconds. */
const MINUTE = 60_000

/** Asks for a key where there are keys, holds rates and budgets, and queues what is too much at a time. */
export function createAdmission(options: AdmissionOptions): Admission & AdmissionGauge {
  const { keys, maxConcurrency, maxQueue, now } = options
  const find = createKeyRing(keys)
  const allowances = new Map<string, { tokens: number; at: number }>()
  const queue: (() => void)[] = []
  let running = 0

  function identify(headers: Parameters<Admission['enter']>[0]): ClientKey | undefined {
    if (keys.length === 0) return undefined
    const shown = shownKey(headers)
    const key = shown === undefined ? undefined : find(shown)
    if (key) return key
    const message = shown === undefined ? 'You did not provide an API key.' : 'Incorrect API key provided.'
    throw new ApiFailure({ status: 401, type: 'invalid_request_error', code: 'invalid_api_key', message })
  }

  /** A bucket of one minute's requests, filled evenly. */
  function spendRate({ name, rateLimit }: ClientKey): void {
    if (rateLimit === undefined) return
    const known = allowances.get(name) ?? { tokens: rateLimit, at: now() }
    const tokens = Math.min(rateLimit, known.tokens + ((now() - known.at) * rateLimit) / MINUTE)
    allowances.set(name, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now() })
    if (tokens >= 1) return
    throw new ApiFailure({
      status: 429,
      type: 'rate_limit_error',
      code: 'rate_limit_exceeded',
      message: `This key may send ${rateLimit} requests a minute.`,
      retryAfter: Math.max(1, Math.ceil((((1 - tokens) / rateLimit) * MINUTE) / 1000)),
    })
  }

  function checkBudget({ name, dailyBudget }: ClientKey): void {
    if (dailyBudget === undefined || options.spentToday(name) < dailyBudget) return
    throw new ApiFailure({
      status: 429,
      type: 'insufficient_quota',
      code: 'insufficient_quota',
      message: `This key may spend $${dailyBudget} a day (UTC), and has.`,
    })
  }

  async function takePlace(): Promise<void> {
    if (running < maxConcurrency) {
      running++
      return
    }
    if (queue.length >= maxQueue) {
      throw new ApiFailure({
        status: 503,
        type: 'server_error',
        code: 'server_overloaded',
        message: 'Too many requests are under way. Try again soon.',
        retryAfter: 1,
      })
    }
    await new Promise<void>(resolve => queue.push(resolve))
  }

  function leavePlace(): void {
    const next = queue.shift()
    if (next) next()
    else running--
  }

  return {
    running: () => running,
    waiting: () => queue.length,
    async enter(headers) {
      const key = identify(headers)
      if (key) {
        checkBudget(key)
        spendRate(key)
      }
      await takePlace()
      return { client: { name: key?.name ?? '' }, leave: leavePlace }
    },
  }
}
