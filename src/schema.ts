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
  const keys = issue.path?.map(({ key }) => printable(String(key))) ?? []
  if (isMissing(issue)) throw new UsageError(missing(where, keys))
  const path = keys.join('.')
  throw new UsageError(`${where}: ${path ? `${path}: ` : ''}${expectation(issue)}.`)
}

function isMissing({ type, expected, path }: v.BaseIssue<unknown>): boolean {
  return path?.at(-1)?.origin === 'key' && type.endsWith('object') && expected !== 'never'
}

/** Says what is not there, and of the options of a policy where it can be set. */
function missing(where: string, keys: readonly string[]): string {
  const [policy, name] = [where.replace(/^policy /, ''), keys.at(-1)!]
  const above = keys.slice(0, -1).join('.')
  const place = above ? policy : `${policy}: { ${name}: … }`
  const advice = policy === where ? '' : ` Set it in llmroute.yaml (${place}) or with --policy-option.`
  return `${where}: ${above ? `${above}: ` : ''}expected ${name}, got none.${advice}`
}

/** `expected X, got Y` of an issue. A message that a schema gives itself stands as it is. */
function expectation({ expected, received, message, kind }: v.BaseIssue<unknown>): string {
  if (!message.startsWith('Invalid ')) return message
  if (kind === 'schema' && expected === 'never') return 'unknown option'
  return `expected ${expected ?? 'another value'}, got ${printable(received)}`
}
