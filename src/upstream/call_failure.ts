import { printable } from '../registry.ts'
import type { Model } from '../types.ts'
import type { AttemptFailure } from './attempt_failure.ts'
import type { Opening } from './breaker.ts'
import { hostOf } from './destination.ts'
import { type Attempt, CallError } from './upstream_types.ts'

/** Milliseconds that a probe under way is given, so that nobody tries again at once. */
const PROBE = 1000

/**
 * The error of a call that no model answered: what each did, and what to do.
 * @param last of the attempts that were made; undefined where all breakers were open.
 * @param opening of the model that was left, where its breaker was open.
 * @param now milliseconds since 1970.
 */
export function callErrorOf(
  models: readonly Model[],
  attempts: readonly Attempt[],
  last: AttemptFailure | undefined,
  opening: Opening | undefined,
  now: number,
): CallError {
  const tried = models.filter(({ id }) => attempts.some(({ model }) => model === id))
  const phrases = tried.map(({ id }) => failurePhrase(attempts.filter(({ model }) => model === id)))
  const wasSent = attempts.at(-1)?.latency !== 0
  const openUntil = opening && Math.max(opening.until, now + PROBE)
  const advice = openUntil
    ? `It is not called until ${new Date(openUntil).toISOString()}. ${opening.category === 'account' ? 'Check the key and the credit of its account.' : 'Try again then, or name another model.'}`
    : (last?.advice ?? 'Try again later.')
  const retryAt = openUntil ?? (last?.wait === undefined ? undefined : now + last.wait)
  return new CallError(`${whatFailed(tried.map(nameOf), phrases, wasSent)}. ${advice}`, {
    attempts,
    told: `${whatFailed(
      tried.map(({ id }) => printable(id)),
      phrases,
      wasSent,
    )}.`,
    ...(last?.status === undefined ? {} : { status: last.status }),
    ...(retryAt === undefined ? {} : { retryAt }),
    isAccountRefused: (opening?.category ?? last?.category) === 'account',
    isRequestRefused: !opening && (last?.kind === 'request' || last?.kind === 'unsuited'),
  })
}

/** @param wasSent whether the only model was asked at the end. */
function whatFailed(names: readonly string[], phrases: readonly string[], wasSent: boolean): string {
  if (names.length === 1) return `${names[0]}: expected an answer, got ${wasSent ? '' : 'none: '}${phrases[0]}`
  const each = names.map((name, i) => `${name}: ${phrases[i]}`).join('; ')
  return `${names.length} models: expected an answer, got none: ${each}`
}

function nameOf(model: Model): string {
  const host = hostOf(model)
  return host ? `${printable(model.id)} (${host})` : printable(model.id)
}

/** How many attempts went out; others were left out since a breaker was open or a key was missing. */
export function countSent(attempts: readonly Attempt[]): number {
  return attempts.reduce((count, { latency }) => (latency > 0 ? count + 1 : count), 0)
}

/** What happened last at a model, and how often it was tried. @param attempts of that model, one at least. */
export function failurePhrase(attempts: readonly Attempt[]): string {
  const sent = countSent(attempts)
  return `${attempts.at(-1)!.failure}${sent > 1 ? ` (${sent} attempts)` : ''}`
}
