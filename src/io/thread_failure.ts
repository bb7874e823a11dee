import { UpstreamError, UsageError } from '../errors.ts'

/** An error on its way from one thread to another. */
export interface ThreadFailure {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
}

/** What can be sent of an error. */
export function failureOf(error: unknown): ThreadFailure {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error))
  return { name, message, stack }
}

/** The error of another thread. Errors lose their class on the way, and the exit code depends on it. */
export function revived({ name, message, stack }: ThreadFailure): Error {
  if (name === 'UsageError' || name === 'DataError') return new UsageError(message)
  if (name === 'UpstreamError') return new UpstreamError(message)
  return Object.assign(new Error(message), { stack })
}
