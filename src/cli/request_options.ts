import type { Command } from 'commander'
import { UsageError } from '../errors.ts'
import { printable } from '../registry.ts'
import type { Needs, RouteRequest } from '../types.ts'

/** The flags that say what policies know of a request beside its prompt. */
export interface RequestFlags {
  key?: string
  user?: string
  priority?: string
  field?: Readonly<Record<string, unknown>>
  tag?: readonly string[]
  maxCost?: number
}

/** Adds the flags that describe one request. */
export function addRequestOptions(command: Command): Command {
  return command
    .option('--key <text>', 'what requests have in common that policies keep together: a user, a conversation')
    .option('--user <id>', 'who asks, for rules')
    .option('--priority <name>', 'what counts in this request, for policy profile: speed, accuracy, …')
    .option('--field <name=value>', 'a field of metadata, for rules; may be repeated', addField)
    .option('--tag <tag>', 'a tag that the model must have; may be repeated', (tag, tags: readonly string[] = []) => [
      ...tags,
      tag,
    ])
    .option('--max-cost <dollars>', 'US dollars that the request may be expected to cost', parseDollars)
}

/** The request that a prompt and flags make. */
export function requestOf(prompt: string, { key, user, priority, field, tag, maxCost }: RequestFlags): RouteRequest {
  const needs: Needs = { ...(tag ? { tags: tag } : {}), ...(maxCost === undefined ? {} : { maxCost }) }
  return {
    prompt,
    ...(key === undefined ? {} : { key }),
    ...(user === undefined ? {} : { user }),
    ...(priority === undefined ? {} : { priority }),
    ...(field ? { metadata: field } : {}),
    ...(Object.keys(needs).length > 0 ? { needs } : {}),
  }
}

function addField(text: string, fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const at = text.indexOf('=')
  if (at > 0) return { ...fields, [text.slice(0, at)]: text.slice(at + 1) }
  throw new UsageError(`--field: expected NAME=VALUE, got "${printable(text)}".`)
}

function parseDollars(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (value >= 0) return value
  throw new UsageError(`--max-cost: expected dollars from 0 up, got "${printable(text)}".`)
}
