import { needsOf, turnsOf } from '../routing/needs.ts'
import type { Needs, RouteRequest } from '../types.ts'
import { parseCsv } from './csv.ts'
import { DELIMITERS, type Format } from './formats.ts'
import type { Segment } from './framing.ts'

/** Columns and keys that a policy knows by name; every other is a field of `metadata`. */
const KNOWN = ['key', 'user', 'priority'] as const

/** What a model must have, or may cost: columns and keys by these names, or without `needs.` under the key `needs`. */
const TAGS = 'needs.tags'
const MAX_COST = 'needs.max_cost'

/** What a segment's rows are read by. */
export interface RequestForm {
  readonly format: Format
  readonly promptColumn: string
  /** Of delimited files. */
  readonly columns?: readonly string[]
}

/** Whether policy `threshold` needs no more of a row than its prompt; parsing whole rows would cost more than the rest. */
export function isPromptAlone(policyId: string, { format, columns = [] }: RequestForm): boolean {
  return policyId === 'threshold' && format !== 'jsonl' && !columns.includes(TAGS) && !columns.includes(MAX_COST)
}

/**
 * The requests of a segment as policies see them: beside the prompt the fields of its row, and of JSONL what the model must
 * be able to do.
 * @param rows per prompt, where its record's numbers begin in `spans`.
 */
export function requestsOf(
  segment: Segment,
  prompts: readonly string[],
  rows: readonly number[],
  form: RequestForm,
): RouteRequest[] {
  return prompts.map((prompt, i) => {
    const record = segment.bytes.subarray(segment.spans[rows[i]!], segment.spans[rows[i]! + 1])
    return { prompt, ...fieldsOf(record, form) }
  })
}

function fieldsOf(record: Uint8Array, { format, promptColumn, columns }: RequestForm): Omit<RouteRequest, 'prompt'> {
  if (format === 'lines') return {}
  if (format === 'jsonl') {
    const row = JSON.parse(Buffer.from(record).toString('utf8')) as Record<string, unknown>
    const { metadata, ...own } = row
    const named = typeof metadata === 'object' && metadata !== null ? (metadata as Record<string, unknown>) : {}
    const isChat = Array.isArray(row.messages) && !Object.hasOwn(row, promptColumn)
    return {
      ...knownOf({ ...own, ...named }, promptColumn),
      needs: { ...needsOf(row), ...ownNeeds({ ...row, ...underNeeds(row) }) },
      ...(isChat ? { turns: turnsOf(row) } : {}),
    }
  }
  const [cells = []] = parseCsv(record, '', DELIMITERS[format]).rows
  const row = Object.fromEntries((columns ?? []).map((column, i) => [column, cells[i] ?? '']))
  const needs = ownNeeds(row)
  return { ...knownOf(row, promptColumn), ...(Object.keys(needs).length > 0 ? { needs } : {}) }
}

function underNeeds({ needs }: Readonly<Record<string, unknown>>): Record<string, unknown> {
  if (typeof needs !== 'object' || needs === null) return {}
  return Object.fromEntries(Object.entries(needs).map(([name, value]) => [`needs.${name}`, value]))
}

/** Tags as a list or with commas between them; dollars as a number or its text, NaN where they are none. */
function ownNeeds({ [TAGS]: given, [MAX_COST]: cap }: Readonly<Record<string, unknown>>): Needs {
  const texts = Array.isArray(given) ? given.map(textIn) : textIn(given).split(',')
  const tags = texts.map(tag => tag.trim()).filter(tag => tag !== '')
  const isCapped = (typeof cap === 'object' && cap !== null) || textIn(cap).trim() !== ''
  return { ...(tags.length > 0 ? { tags } : {}), ...(isCapped ? { maxCost: numberIn(cap) } : {}) }
}

/** Of what may be any JSON: objects may have a `toString` that throws. */
function textIn(value: unknown): string {
  return typeof value === 'object' && value !== null ? '' : String(value ?? '')
}

function numberIn(value: unknown): number {
  return typeof value === 'object' ? Number.NaN : Number(value)
}

/** A text of a known field counts; everything else of the row is metadata. */
function knownOf(row: Readonly<Record<string, unknown>>, promptColumn: string): Omit<RouteRequest, 'prompt'> {
  const known: Partial<Record<(typeof KNOWN)[number], string>> = {}
  const metadata: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(row)) {
    const field = KNOWN.find(candidate => candidate === name)
    if (field && typeof value === 'string' && value !== '') known[field] = value
    if (name !== promptColumn && name !== 'messages') metadata[name] = value
  }
  return { ...known, metadata }
}
