import { UsageError } from '../errors.ts'
import { didYouMean, printable } from '../registry.ts'
import type { LanguageDetector } from '../text/language.ts'
import type { TokenCounter } from '../text/tokens.ts'
import type { RouteRequest } from '../types.ts'
import { countInput } from './input_tokens.ts'

/** A field of requests that rules look at. */
export interface Field {
  /** As the rule has it, with its zone: two fields of one name have one value. */
  readonly name: string
  /** Undefined where the request has no such field. */
  read(facts: Facts): unknown
}

/** A request, and what rules ask about it, worked out once. */
export interface Facts {
  readonly request: RouteRequest
  /** Milliseconds since 1970. */
  readonly now: number
  readonly tools: FactTools
  language?: string
  tokens?: number
}

/** What some fields take to read. Undefined where no rule has such a field. */
export interface FactTools {
  detectLanguage?: LanguageDetector
  countTokens?: TokenCounter
}

/** Days of the week as `weekday` has them. */
export const WEEKDAYS: readonly string[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

/**
 * The field under a name: `prompt`, `metadata.team`, `needs.tools`, `time` in a zone of the IANA database, …
 * @throws UsageError for an unknown name or zone, without saying where
 */
export function fieldOf(name: string, zone = 'UTC'): Field {
  const [group, ...rest] = name.split('.')
  if (group === 'metadata' && rest.length > 0) return metadataField(name, rest)
  if (name === 'time' || name === 'weekday') return clockField(name, zone)
  const read = Object.hasOwn(READERS, name) ? READERS[name] : undefined
  if (read) return { name, read }
  const names = [...Object.keys(READERS), 'time', 'weekday', 'metadata.NAME']
  throw new UsageError(
    `unknown field "${printable(name)}".${didYouMean(name, names)} Available: ${names.join(', ')}. Fields of your own are metadata.NAME.`,
  )
}

const READERS: Readonly<Record<string, Field['read']>> = {
  user: ({ request }) => request.user,
  key: ({ request }) => request.key,
  priority: ({ request }) => request.priority,
  prompt: ({ request }) => request.prompt,
  length: ({ request }) => request.prompt.length,
  turns: ({ request }) => request.turns?.length ?? 1,
  language: facts => {
    facts.language ??= facts.tools.detectLanguage!(facts.request.prompt)
    return facts.language
  },
  tokens: facts => {
    facts.tokens ??= countInput(facts.request, facts.tools.countTokens!).inputTokens
    return facts.tokens
  },
  'needs.tools': ({ request }) => request.needs?.tools ?? false,
  'needs.vision': ({ request }) => request.needs?.vision ?? false,
  'needs.json_schema': ({ request }) => request.needs?.jsonSchema ?? false,
  'needs.output_tokens': ({ request }) => request.needs?.outputTokens,
  'needs.max_cost': ({ request }) => request.needs?.maxCost,
}

/** `metadata.a.b` is the key "a.b", else b within a. */
function metadataField(name: string, path: readonly string[]): Field {
  const whole = path.join('.')
  return {
    name,
    read({ request: { metadata } }) {
      if (!metadata || Object.hasOwn(metadata, whole)) return metadata?.[whole]
      let value: unknown = metadata
      for (const key of path) {
        if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
        value = (value as Record<string, unknown>)[key]
      }
      return value
    },
  }
}

const MINUTE = 60_000

/** The clock of a zone, asked once a minute: formatting a time takes longer than a hundred rules. */
function clockField(name: 'time' | 'weekday', zone: string): Field {
  let format: Intl.DateTimeFormat
  try {
    const parts = { weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, ...parts })
  } catch {
    throw new UsageError(`expected zone to be a time zone such as Europe/Berlin, got "${printable(zone)}"`)
  }
  let minute = Number.NaN
  let value = ''
  return {
    name: `${name} ${zone}`,
    read({ now }) {
      const current = Math.floor(now / MINUTE)
      if (current === minute) return value
      minute = current
      const parts = Object.fromEntries(format.formatToParts(now).map(part => [part.type, part.value]))
      value = name === 'time' ? `${parts.hour}:${parts.minute}` : parts.weekday!.toLowerCase()
      return value
    },
  }
}
