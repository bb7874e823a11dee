import type { Model } from '../types.ts'
import type { AttemptFailure } from './attempt_failure.ts'
import type { Breaker, Opening, Pass } from './breaker.ts'
import type { Gate } from './gate.ts'
import type { Health } from './health.ts'

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

/** What attempts of all calls share. */
export interface AdmissionParts {
  readonly health: Health
  readonly gate: Gate
  now(): number
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
}

/**
 * A ticket for one attempt, or why there is none. Waits for a place, and for an open breaker.
 * @param until milliseconds since 1970 to which it waits for a breaker.
 * @throws the reason of the signal.
 */
export async function admit(
  { gate, health, now, sleep }: AdmissionParts,
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
    if (opening.category === 'account' || Math.max(now(), opening.until) >= until) return { opening }
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
function createTicket(health: Health, breaker: Breaker, pass: Pass, model: string, leave: () => void) {
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
