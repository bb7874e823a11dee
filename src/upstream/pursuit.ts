import type { RetryOptions } from '../call_types.ts'
import { UsageError } from '../errors.ts'
import type { Model } from '../types.ts'
import { type AdmissionParts, admit, admitAtOnce, type Ticket } from './admission.ts'
import { AttemptFailure } from './attempt_failure.ts'
import type { Opening } from './breaker.ts'
import { callErrorOf } from './call_failure.ts'
import { keyOf } from './destination.ts'
import { secretsOf, withoutSecrets } from './secrets.ts'
import type { Attempt } from './upstream_types.ts'

/** What is pursued until there is an answer. */
export interface Pursuit<T> {
  /** In order: the chosen, then fallbacks. */
  readonly models: readonly Model[]
  readonly signal?: AbortSignal | undefined
  /** Called where the signal ends an attempt that is under way. */
  readonly onAbandoned?: ((model: Model) => void) | undefined
  /** Empty; gets each attempt as it ends. Default: a list of its own. */
  readonly attempts?: Attempt[] | undefined
  /** An answer that is there already. */
  cached?(model: Model): Promise<T | undefined>
  /**
   * One attempt, which sees to its ticket unless it throws.
   * @param earlier that failed.
   * @throws AttemptFailure; anything else ends the pursuit.
   */
  attempt(model: Model, ticket: Ticket, earlier: readonly Attempt[]): Promise<T>
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
export interface PursuitParts extends AdmissionParts {
  readonly retry: Required<RetryOptions>
  /** How long a call waits for an open breaker where no other model is left, in milliseconds. */
  readonly patience: number
  /** In [0, 1). */
  random(): number
}

/**
 * Tries the models in order, each several times with waits between, until one gives an answer.
 * @throws CallError; UsageError where the first model to call has no key; the reason of the signal.
 */
export async function pursue<T>(parts: PursuitParts, pursuit: Pursuit<T>): Promise<Pursued<T>> {
  const { models, signal, attempts = [] } = pursuit
  // Whoever is gone already is not to be told of an attempt.
  signal?.throwIfAborted()
  let last: Setback | undefined
  for (const [place, model] of models.entries()) {
    const hit = pursuit.cached && (await pursuit.cached(model))
    if (hit !== undefined) return { value: hit, model, attempts, isCached: true }
    if (!hasKey(model, attempts)) continue
    const outcome = await tryModel(parts, pursuit, model, place + 1 < models.length, attempts)
    if ('value' in outcome) return { value: outcome.value, model, attempts, isCached: false }
    last = outcome
    if (outcome.isFinal) break
  }
  throw callErrorOf(models, attempts, last?.failure, last?.opening, parts.now())
}

/** Why a model gave no answer: the last attempt failed, and its breaker may be open. */
interface Setback {
  readonly failure?: AttemptFailure
  readonly opening?: Opening
  /** No other model is to be asked. */
  readonly isFinal?: boolean
}

async function tryModel<T>(
  parts: PursuitParts,
  { signal, onAbandoned, attempt, isCommitted }: Pursuit<T>,
  model: Model,
  hasOther: boolean,
  attempts: Attempt[],
): Promise<{ readonly value: T } | Setback> {
  const { retry, patience, health, now, sleep, random } = parts
  const until = hasOther ? 0 : now() + patience
  let last: AttemptFailure | undefined
  for (let n = 1; ; n++) {
    const ticket = admitAtOnce(parts, model) ?? (await admit(parts, model, until, signal))
    if ('until' in ticket) {
      const opening = ticket
      const failure = `not called, since its breaker is open (${opening.reason})`
      attempts.push({ model: model.id, failure, category: opening.category, retryAt: opening.until, latency: 0 })
      return last ? { opening, failure: last } : { opening }
    }
    try {
      const value = await attempt(model, ticket, attempts)
      // A refusal that goes back to whoever asked is a value, and its attempt failed.
      const { failure } = ticket
      attempts.push(failure ? failedAttempt(model, ticket, toldOf(failure, model), now()) : attemptOf(model, ticket))
      return { value }
    } catch (error) {
      if (!(error instanceof AttemptFailure)) {
        ticket.abandon()
        if (signal?.aborted) onAbandoned?.(model)
        throw error
      }
      const failure = toldOf(error, model)
      last = failure
      ticket.fail(failure)
      attempts.push(failedAttempt(model, ticket, failure, now()))
      if (failure.kind === 'request' || isCommitted?.()) return { failure, isFinal: true }
      const backoff = random() * Math.min(retry.longestWait, retry.firstWait * 2 ** (n - 1))
      const { kind, wait = backoff } = failure
      if ((kind !== 'passing' && kind !== 'own') || (hasOther && wait > retry.longestWait)) return { failure }
      const breaker = health.breaker(model)
      const hasPatience = now() < until && breaker.isOpen()
      if (n >= retry.attempts && !hasPatience) {
        return { failure, ...(breaker.isOpen() ? { opening: breaker.opening()! } : {}) }
      }
      await sleep(Math.min(wait, retry.longestWait), signal)
      signal?.throwIfAborted()
    }
  }
}

/** A missing key of a fallback must not hide why the model before it failed; that of the first is the user's to set. */
function hasKey(model: Model, attempts: Attempt[]): boolean {
  try {
    keyOf(model)
    return true
  } catch (error) {
    if (attempts.length === 0 || !(error instanceof UsageError)) throw error
    attempts.push({ model: model.id, failure: 'no key or no endpoint', latency: 0 })
    return false
  }
}

function attemptOf(model: Model, { started, status }: Ticket): Attempt {
  const latency = performance.now() - started
  return status === undefined ? { model: model.id, latency } : { model: model.id, status, latency }
}

function failedAttempt(
  model: Model,
  ticket: Ticket,
  { message, category, wait }: AttemptFailure,
  now: number,
): Attempt {
  const retryAt = wait === undefined ? {} : { retryAt: now + wait }
  return { ...attemptOf(model, ticket), failure: message, category, ...retryAt }
}

/** A phrase may hold what the endpoint said: a code, a content type. */
function toldOf(failure: AttemptFailure, model: Model): AttemptFailure {
  return failure.withPhrase(withoutSecrets(failure.message, secretsOf(model)))
}
