import * as v from 'valibot'
import { UsageError } from './errors.ts'
import { printable } from './registry.ts'

export { v }

/**
 * A value as a schema says, defaults filled in.
 * @param where what the value belongs to, for the message: `policy ab`.
 * @throws UsageError naming the first thing that is wrong: `policy ab: seed: expected number, got "x".`
 */
export function checked<S extends v.GenericSchema>(schema: S, value: unknown, where: string): v.InferOutput<S> {
  const result = v.safeParse(schema, value ?? {})
  if (result.success) return result.output
  const [issue] = result.issues
  const path = v.getDotPath(issue)
  throw new UsageError(`${where}: ${path ? `${printable(path)}: ` : ''}${expectation(issue)}.`)
}

/** `expected X, got Y` of an issue. A message that a schema gives itself stands as it is. */
export function expectation({ expected, received, message, kind }: v.BaseIssue<unknown>): string {
  if (!message.startsWith('Invalid ')) return message
  if (kind === 'schema' && expected === 'never') return 'unknown option'
  return `expected ${expected ?? 'another value'}, got ${printable(received)}`
}
