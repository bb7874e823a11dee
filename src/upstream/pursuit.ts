import { UsageError } from '../errors.ts'
import type { Model } from '../types.ts'
import { AttemptFailure } from './attempt_failure.ts'
import type { Breaker, Opening } from './breaker.ts'
import { failedCall } from './call_failure.ts'
import { keyOf } from './destination.ts'
import type { Gate } from './gate.ts'
import type { Health } from './health.ts'
import type { Attempt, RetryOptions } from './upstream_types.ts'

/** One attempt under way; exactly one of its functions counts, the first that is called. */
export interface Ticket {
  /** `performance.now()` when it went out. */
  readonly started: number
  /** To be set when the answer begins. */
  status?: number
  succeed(figures: { readonly cost?: number | undefined; readonly outputTokens?: number | undefined }): void
  fail(failure: AttemptFailure): void
  /** It told nothing of the model. */
  abandon(): void
}

/** What is pursued until there is an answer. */
export interface Pursuit<T> {
  /** In order: the chosen, then fallbacks. */
  readonly models: readonly Model[]
  readonly signal?: AbortSignal | undefined
  /** An answer that is there already. */
  cached?(model: Model): Promise<T | undefined>
  /**
   * One attempt, which sees to its ticket unless it throws.
   * @throws AttemptFailure; anything else ends the pursuit.
   */
  attempt(model: Model, ticket: Ticket): Promise<T>
  /** Whether part of an answer has gone out, so that nothing else can be tried. */
  isCommitted?(): boolean
}

/** What comes of it. */
export interface Pursued<T> {
  readonly value: T
  readonly model: Model
  /** The one that gave the answer last. */
  readonly attempts: Attempt[]
  readonly isCached: boolean
}

/** What all pursuits share. */
export interface PursuitParts {
  readonly retry: Required<RetryOptions>
  /** How long a call waits for an open breaker where no other model is left, in milliseconds. */
  readonly patience: number
  readonly health: Health
  readonly gate: Gate
  now(): number
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
  random(): number
}

/**
 * Tries the models in order, each several times with waits between, until one gives an answer.
 * @throws CallError; UsageError where the first model to call has no key; the reason of the signal.
 */
export async function pursue<T>(parts: PursuitParts, pursuit: Pursuit<T>): Promise<Pursued<T>> {
  const { retry, now, sleep, random } = parts
  const { models, signal } = pursuit
  const attempts: Attempt[] = []
  let opening: Opening | undefined
  let last: AttemptFailure | undefined
  for (const [place, model] of models.entries()) {
    const hasOther = place + 1 < models.length
    const hit = await pursuit.cached?.(model)
    if (hit !== undefined) return { value: hit, model, attempts, isCached: true }
    try {
      keyOf(model)
    } catch (error) {
      // A missing key of a fallback must not hide why the model before it failed.
      if (attempts.length === 0 || !(error instanceof UsageError)) throw error
      attempts.push({ model: model.id, failure: 'no key or no endpoint', latency: 0 })
      continue
    }
    const until = hasOther ? 0 : now() + parts.patience
    for (let n = 1; ; n++) {
      const admission = await admit(parts, model, until, signal)
      if ('opening' in admission) {
        opening = admission.opening
        attempts.push({
          model: model.id,
          failure: `not called, since its breaker is open (${opening.reason})`,
          latency: 0,
        })
        break
      }
      const { ticket } = admission
      try {
        const value = await pursuit.attempt(model, ticket)
        attempts.push(attemptOf(model, ticket))
        return { value, model, attempts, isCached: false }
      } catch (error) {
        if (!(error instanceof AttemptFailure)) {
          ticket.abandon()
          throw error
        }
        ticket.fail(error)
        const backoff = random() * Math.min(retry.longestWait, retry.firstWait * 2 ** (n - 1))
        const { kind, wait = backoff } = error
        attempts.push(attemptOf(model, ticket, error))
        last = error
        opening = undefined
        if (kind === 'request' || pursuit.isCommitted?.()) throw failedCall(models, attempts, last, opening, now())
        if (kind !== 'passing' || (hasOther && wait > retry.longestWait)) break
        const hasPatience = now() < until && parts.health.breaker(model.id).isOpen()
        if (n >= retry.attempts && !hasPatience) break
        await sleep(Math.min(wait, retry.longestWait), signal)
        signal?.throwIfAborted()
      }
    }
  }
  throw failedCall(models, attempts, last, opening, now())
}

function attemptOf(model: Model, { started, status }: Ticket, failure?: AttemptFailure): Attempt {
  return {
    model: model.id,
    ...(status === undefined ? {} : { status }),
    ...(failure ? { failure: failure.message } : {}),
    latency: performance.now() - started,
  }
}

/** A ticket for one attempt, or why there is none. Waits for a place, and for an open breaker as long as `until`. */
async function admit(
  { gate, health, now, sleep }: PursuitParts,
  model: Model,
  until: number,
  signal: AbortSignal | undefined,
): Promise<{ ticket: Ticket } | { opening: Opening }> {
  const breaker = health.breaker(model.id)
  for (;;) {
    const leave = await gate.enter(signal)
    const pass = breaker.enter()
    if (pass) {
      const ticket = createTicket(health, breaker, pass, model.id, leave)
      const wait = gate.pace(signal)
      if (!wait) return { ticket: ticket() }
      await wait
      if (signal?.aborted) {
        breaker.abandon(pass)
        leave()
        throw signal.reason
      }
      return { ticket: ticket() }
    }
    leave()
    const opening = breaker.opening()!
    const coolDown = opening.until - now()
    if (opening.isAccountRefused || Math.max(now(), opening.until) > until) return { opening }
    if (coolDown > 0) await sleep(coolDown, signal)
    else await changeOf(breaker, ended => sleep(until - now(), ended), signal)
    signal?.throwIfAborted()
  }
}

/** Resolves when the breaker lets somebody in, or `waiting` is over, which is told when nobody waits any more. */
async function changeOf(
  breaker: Breaker,
  waiting: (ended: AbortSignal) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const ended = new AbortController()
  await Promise.race([breaker.changed(), waiting(signal ? AbortSignal.any([signal, ended.signal]) : ended.signal)])
  ended.abort()
}

/** Starts the attempt when it is called. */
function createTicket(
  health: Health,
  breaker: Breaker,
  pass: ReturnType<Breaker['enter']> & {},
  model: string,
  leave: () => void,
) {
  return (): Ticket => {
    const { live } = health
    const started = performance.now()
    let isOver = false
    live.start(model)
    const end = (tell: () => void) => {
      if (isOver) return
      isOver = true
      tell()
      leave()
    }
    return {
      started,
      succeed: ({ cost, outputTokens }) =>
        end(() => {
          breaker.succeed(pass)
          live.succeed(model, { latency: performance.now() - started, cost, outputTokens })
        }),
      fail: failure =>
        end(() => {
          const isOfModel = failure.kind === 'passing' || failure.kind === 'lasting' || failure.kind === 'account'
          if (isOfModel) {
            breaker.fail(pass, failure)
            live.fail(model)
          } else {
            // It refused this request, and so is well.
            breaker.succeed(pass)
            live.abandon(model)
          }
        }),
      abandon: () =>
        end(() => {
          breaker.abandon(pass)
          live.abandon(model)
        }),
    }
  }
}
