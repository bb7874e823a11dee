import type { PlanCall } from './plan_types.ts'
import { CallError } from './upstream_types.ts'

/**
 * The error of a plan that came to no answer: what each call did, and what to do about it.
 * @param expected as a sentence without its end: `ensemble: expected 2 answers or more, got 1`.
 */
export function planErrorOf(expected: string, calls: readonly PlanCall[]): CallError {
  const attempts = calls.flatMap(call => call.attempts)
  const categories = new Set(attempts.flatMap(({ category }) => category ?? []))
  const [category] = categories
  const isRequestRefused = categories.size === 1 && category === 'request'
  const isAccountRefused = categories.size === 1 && category === 'account'
  const told = `${expected}: ${calls.map(({ model, failure }) => `${model}: ${failure}`).join('; ')}.`
  const what = isRequestRefused
    ? 'Check the request'
    : isAccountRefused
      ? 'Check the keys and the credit of their accounts'
      : 'Try again later'
  return new CallError(`${told} ${what}, or name other models.`, {
    ...{ attempts, told, isAccountRefused, isRequestRefused },
  })
}
