import type { Model } from '../types.ts'
import type { AttemptFailure } from './attempt_failure.ts'
import type { Breaker, Opening, Pass } from './breaker.ts'
import type { Gate } from './gate.ts'
import type { Health } from './health.ts'
import { underAny } from './on_abort.ts'

/** One attempt under way; exactly one of its functions counts, the first that is called. */
export interface Ticket {
  /** `performance.now()` when it went out. */
  readonly started: number
  /** To be set when the answer begins. */
  status?: number
  /** Why it failed, where it did. */
  readonly failure?: AttemptFailure
  succeed(figures: { readonly cost?: number | undefined; readonly outputTokens?: number | undefined }): void
  fail(failure: AttemptFailure): void
  /** It told nothing of the model. */
  abandon(): void
}

/** What attempts of all calls share. */
export interface AdmissionParts {
  readonly health: Health
  readonly gate: Gate
  now(): number
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
}

/** A ticket for one attempt, where nothing has to be waited for. */
export function admitAtOnce(parts: AdmissionParts, model: Model): Ticket | undefined {
  const { gate, health } = parts
  if (gate.isPaced || !gate.tryEnter()) return undefined
  const breaker = health.breaker(model)
  const pass = breaker.enter()
  if (pass) return new StartedAttempt(parts, breaker, pass, model.id)
  gate.leave()
  return undefined
}

/**
 * A ticket for one attempt, or why there is none. Waits for a place, and for an open breaker.
 * @param until milliseconds since 1970 to which it waits for a breaker.
 * @throws the reason of the signal.
 */
export async function admit(
  parts: AdmissionParts,
  model: Model,
  until: number,
  signal: AbortSignal | undefined,
): Promise<Ticket | Opening> {
  const { gate, health, now, sleep } = parts
  const breaker = health.breaker(model)
  for (;;) {
    await gate.enter(signal)
    const pass = breaker.enter()
    if (pass) {
      const wait = gate.pace()
      if (wait > 0) await sleep(wait, signal)
      if (signal?.aborted) {
        breaker.abandon(pass)
        gate.leave()
        throw signal.reason
      }
      return new StartedAttempt(parts, breaker, pass, model.id)
    }
    gate.leave()
    const opening = breaker.opening()!
    const coolDown = opening.until - now()
    if (opening.category === 'account' || Math.max(now(), opening.until) >= until) return opening
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
  await Promise.race([breaker.changed(), underAny([signal, ended.signal], waiting)])
  ended.abort()
}

/** Of a class, since one is made for each attempt: functions of its own would cost more than what they do. */
class StartedAttempt implements Ticket {
  readonly started = performance.now()
  status?: number
  failure?: AttemptFailure
  private isOver = false
  private readonly parts: AdmissionParts
  private readonly breaker: Breaker
  private readonly pass: Pass
  private readonly model: string

  constructor(parts: AdmissionParts, breaker: Breaker, pass: Pass, model: string) {
    this.parts = parts
    this.breaker = breaker
    this.pass = pass
    this.model = model
    parts.health.live.start(model)
  }

  succeed({ cost, outputTokens }: Parameters<Ticket['succeed']>[0]): void {
    if (!this.end()) return
    this.breaker.succeed(this.pass)
    this.parts.health.live.succeed(this.model, { latency: performance.now() - this.started, cost, outputTokens })
  }

  fail(failure: AttemptFailure): void {
    if (!this.end()) return
    this.failure = failure
    const { live } = this.parts.health
    const isOfModel = failure.kind === 'passing' || failure.kind === 'lasting' || failure.kind === 'account'
    if (isOfModel) {
      this.breaker.fail(this.pass, failure)
      live.fail(this.model)
    } else if (failure.kind === 'own') {
      this.breaker.abandon(this.pass)
      live.abandon(this.model)
    } else {
      // It refused this request, and so is well.
      this.breaker.succeed(this.pass)
      live.abandon(this.model)
    }
  }

  abandon(): void {
    if (!this.end()) return
    this.breaker.abandon(this.pass)
    this.parts.health.live.abandon(this.model)
  }

  /** Whether this is the end of it. */
  private end(): boolean {
    if (this.isOver) return false
    this.isOver = true
    this.parts.gate.leave()
    return true
  }
}
