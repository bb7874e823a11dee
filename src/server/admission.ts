import type { Allowances } from './allowances.ts'
import { ApiFailure } from './envelope.ts'
import { type ClientKey, createKeyRing, shownKey } from './keys.ts'
import type { Admission, Client, OnGone } from './server_types.ts'

/** Who may ask, and how much at a time. */
export interface AdmissionLimits {
  readonly keys: readonly ClientKey[]
  /** Whether one of the keys is asked for, also where there is none; else everyone may ask. */
  readonly needsKey: boolean
  /** Requests under way at a time. */
  readonly maxConcurrency: number
  /** Requests that wait for a place; beyond, 503. */
  readonly maxQueue: number
}

interface AdmissionOptions {
  /** Those of this moment: what is known of keys outlasts a change of them. */
  limits(): AdmissionLimits
  /** Of keys that have limits; those without are not asked about. */
  allowances(): Allowances
}

/** Waiting and running requests of this moment. */
export interface AdmissionGauge {
  readonly running: () => number
  readonly waiting: () => number
}

/** Requests that were let in while the same held. */
interface Era {
  enter(): void
  leave(): void
  /** Resolves once all have left. */
  ended(): Promise<void>
}

const ANYONE: Client = { name: '' }

/** Asks for a key where one is needed, asks what it may still do, and queues what is too much at a time. */
export function createAdmission({ limits, allowances }: AdmissionOptions): Admission &
  AdmissionGauge & {
    /** To be called when the limits have changed: lets those in who wait, where there are more places now. */
    fillPlaces(): void
    /** Resolves once all requests that were let in so far have left. */
    whenLeft(): Promise<void>
  } {
  let keys = limits().keys
  let find = createKeyRing(keys)
  const queue = new Set<() => void>()
  let running = 0
  let era = createEra(leavePlace)

  function identify(headers: Parameters<Admission['identify']>[0]): Client {
    if (limits().keys !== keys) {
      keys = limits().keys
      find = createKeyRing(keys)
    }
    if (!limits().needsKey) return ANYONE
    const shown = shownKey(headers)
    const key = shown === undefined ? undefined : find(shown)
    if (key) return key
    const message = shown === undefined ? 'You did not provide an API key.' : 'Incorrect API key provided.'
    throw new ApiFailure({ status: 401, type: 'invalid_request_error', code: 'invalid_api_key', message })
  }

  /** Whoever goes away while another process is asked must not be waited for in the queue. */
  async function spendAllowance(client: Client, onGone: OnGone): Promise<void> {
    let gone: ApiFailure | undefined
    onGone(why => {
      gone = why
    })
    const refusal = await allowances().take(client)
    if (refusal) throw new ApiFailure(refusal)
    if (gone) throw gone
  }

  /** Undefined where there is one at once. Whoever goes away while they wait leaves the queue, so that it never fills with the gone. */
  function takePlace(onGone: OnGone): Promise<void> | undefined {
    const { maxConcurrency, maxQueue } = limits()
    // Where there are more places than before, they are those of the line.
    fillPlaces()
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
      onGone(why => {
        if (queue.delete(resolve)) reject(why)
      })
    })
  }

  function leavePlace(): void {
    running--
    fillPlaces()
  }

  function fillPlaces(): void {
    for (const next of queue) {
      if (running >= limits().maxConcurrency) return
      queue.delete(next)
      running++
      next()
    }
  }

  function enterEra(): () => void {
    era.enter()
    return era.leave
  }

  return {
    running: () => running,
    waiting: () => queue.size,
    fillPlaces,
    identify,
    async allow(client, onGone) {
      if (client.rateLimit !== undefined || client.dailyBudget !== undefined) await spendAllowance(client, onGone)
    },
    enter(onGone) {
      const place = takePlace(onGone)
      return place ? place.then(enterEra) : enterEra()
    },
    whenLeft() {
      const { ended } = era
      era = createEra(leavePlace)
      return ended()
    },
    async reserve(client, dollars) {
      const reserved = await allowances().reserve(client, dollars)
      if (typeof reserved === 'function') return reserved
      throw new ApiFailure(reserved)
    },
  }
}

/** One `leave` for all, since each request calls one. */
function createEra(leavePlace: () => void): Era {
  let count = 0
  let tell = () => {}
  return {
    enter: () => count++,
    leave() {
      count--
      leavePlace()
      if (count === 0) tell()
    },
    ended: () =>
      new Promise(resolve => {
        tell = resolve
        if (count === 0) resolve()
      }),
  }
}
