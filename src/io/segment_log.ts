import type { LoggedAnswer } from '../routing/logged_decision.ts'
import type { Decision } from '../types.ts'
import { logLines } from './decision_log.ts'
import { type Segment, SPAN } from './framing.ts'
import { type RequestForm, requestsOf } from './segment_requests.ts'

/** How rows of a segment are logged. */
export interface SegmentLogForm extends RequestForm {
  readonly log: {
    /** What the input is called in the ids of rows that have none. */
    readonly input: string
    readonly keepsPrompts: boolean
  }
}

/**
 * The decisions of a segment as lines of a log. A row is called by its `id`, else by the name of the input and its line.
 * @param rows per decision, where its record's numbers begin in `spans`; `prompts` and `answers` likewise.
 */
export async function logOfSegment(
  segment: Segment,
  prompts: readonly string[],
  rows: readonly number[],
  decisions: readonly Decision[],
  form: SegmentLogForm,
  answers: readonly LoggedAnswer[] = [],
): Promise<string> {
  const requests = requestsOf(segment, prompts, rows, form)
  const entries = requests.map((request, i) => {
    const line = segment.line + segment.spans[rows[i]! + SPAN - 1]!
    const id = idOf(request.metadata?.id) ?? `${form.log.input}:${line}`
    return { id, request, decision: decisions[i]!, ...(answers[i] ? { answer: answers[i] } : {}) }
  })
  return logLines(entries, form.log.keepsPrompts)
}

/** An id as a log has it; undefined where there is none. */
export function idOf(value: unknown): string | undefined {
  return (typeof value === 'string' && value !== '') || typeof value === 'number' ? String(value) : undefined
}
