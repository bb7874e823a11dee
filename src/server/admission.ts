import { ApiFailure, clientGone } from './envelope.ts'
import { type ClientKey, createKeyRing, shownKey } from './keys.ts'
import type { Admission, Client } from './server_types.ts'

/** Who may ask, and how much at a time. */
export interface AdmissionLimits {
  /** None: everyone may. */
  readonly keys: readonly ClientKey[]
  /** Requests under way at a time. */
  readonly maxConcurrency: number
  /** Requests that wait for a place; beyond, 503. */
  readonly maxQueue: number
}

/** What an admission is made from. */
export interface AdmissionOptions {
  /** Those of this moment: what is known of keys outlasts a change of them. */
  limits(): AdmissionLimits
  now(): number
  /** US dollars that a key has spent today. */
  spentToday(name: string): number
}

/** Waiting and running requests of this moment. */
export interface AdmissionGauge {
  readonly running: () => number
  readonly waiting: () => number
}

const ANYONE: Client = { name: '' }

/** A minute, in milliseconds. */
const MINUTE = 60_000

/** Asks for a key where there are keys, holds rates and budgets, and queues what is too much at a time. */
export function createAdmission(options: AdmissionOptions): Admission & AdmissionGauge {
  const { limits, now } = options
  let keys = limits().keys
  let find = createKeyRing(keys)
  const allowances = new Map<string, { tokens: number; at: number }>()
  const queue = new Set<() => void>()
  let running = 0

  function identify(headers: Parameters<Admission['identify']>[0]): Client {
    if (limits().keys !== keys) {
      keys = limits().keys
      find = createKeyRing(keys)
    }
    if (keys.length === 0) return ANYONE
    const shown = shownKey(headers)
    const key = shown === undefined ? undefined : find(shown)
    if (key) return key
    const message = shown === undefined ? 'You did not provide an API key.' : 'Incorrect API key provided.'
    throw new ApiFailure({ status: 401, type: 'invalid_request_error', code: 'invalid_api_key', message })
  }

  /** A bucket of one minute's requests, filled evenly. */
  function spendRate({ name, rateLimit }: Client): void {
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

  function checkBudget({ name, dailyBudget }: Client): void {
    if (dailyBudget === undefined || options.spentToday(name) < dailyBudget) return
    throw new ApiFailure({
      status: 429,
      type: 'insufficient_quota',
      code: 'insufficient_quota',
      message: `This key may spend $${dailyBudget} a day (UTC), and has.`,
    })
  }

  /** Undefined where there is one at once. Whoever goes away while they wait leaves the queue, so that it never fills with the gone. */
  function takePlace(onGone: (told: () => void) => void): Promise<void> | undefined {
    const { maxConcurrency, maxQueue } = limits()
    if (running < maxConcurrency) {
      running++
      return undefined
    }
    if (queue.size >= maxQueue) {
      throw new ApiFailure({
        status: 503,
        type: 'server_error',
        code: 'server_overloaded',
        message: 'Too many requests are under way. Try again soon.',
        retryAfter: 1,
      })
    }
    return new Promise<void>((resolve, reject) => {
      queue.add(resolve)
      onGone(() => {
        if (queue.delete(resolve)) reject(clientGone())
      })
    })
  }

  function leavePlace(): void {
    // The place goes straight to the next in line, unless there are fewer places than before.
    const [next] = queue
    if (next && running <= limits().maxConcurrency) {
      queue.delete(next)
      next()
    } else running--
  }

  return {
    running: () => running,
    waiting: () => queue.size,
    identify,
    async enter(client, onGone) {
      checkBudget(client)
      spendRate(client)
      const place = takePlace(onGone)
      if (place) await place
      return leavePlace
    },
  }
}
