import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Decision } from '../types.ts'
import type { Format } from './formats.ts'
import { type Reject, type Segment, SPAN } from './framing.ts'
import { copyInto } from './memory.ts'
import type { Router } from './router.ts'
import { writeDecisions, writeRows } from './row_writer.ts'
import { logOfSegment, type SegmentLogForm } from './segment_log.ts'
import { promptsOf, type SegmentPrompts } from './segment_prompts.ts'
import { isPromptAlone, requestsOf } from './segment_requests.ts'

const compress = promisify(gzip)

/** What is to be done with every segment of a run. Plain data, so that a worker can be sent it. */
export interface SegmentJob {
  readonly format: Format
  readonly promptColumn: string
  /** Of delimited files. */
  readonly columns?: readonly string[]
  /** For a last row that has none. */
  readonly lineEnd: string
  /** Write decisions as JSON instead of the rows. */
  readonly asDecisions: boolean
  /** Each segment becomes a gzip member of its own, so that a file can be continued after any of them. */
  readonly asGzip: boolean
  /** Absent where nothing is logged. */
  readonly log?: SegmentLogForm['log']
}

/** A segment, routed. */
export interface RoutedSegment {
  /** The rows with what was decided, at the start of memory of their own. */
  readonly output: Uint8Array<ArrayBuffer>
  readonly rows: number
  /** Rows that went to each model. */
  readonly byModel: Readonly<Record<string, number>>
  readonly rejects: readonly Reject[]
  /** Lines of the decision log. */
  readonly log?: string
}

/**
 * Routes one segment. The same whoever does it: the command's own thread or a worker.
 * @param memory what to write the output into, where it is large enough.
 */
export async function routeSegment(
  segment: Segment,
  router: Router,
  job: SegmentJob,
  memory?: ArrayBuffer,
): Promise<RoutedSegment> {
  const found = promptsOf(segment, job.format, job.promptColumn)
  const { decisions, rows, rejects } = isPromptAlone(router.policyId, job)
    ? { ...found, decisions: await router.decide(found.prompts) }
    : await decideRequests(segment, found, router, job)
  const byModel: Record<string, number> = {}
  for (const { model } of decisions) byModel[model] = (byModel[model] ?? 0) + 1
  const log = job.log && (await logOf(segment, found, rows, decisions, { ...job, log: job.log }))
  const output = await outputOf(segment, rows, decisions, job, memory)
  return { output, rows: rows.length, byModel, rejects, ...(log ? { log } : {}) }
}

/** The lines of the log, of rows that were not refused. */
function logOf(
  segment: Segment,
  found: SegmentPrompts,
  rows: readonly number[],
  decisions: readonly Decision[],
  form: SegmentLogForm,
): Promise<string> {
  const prompts = new Map(found.rows.map((row, i) => [row, found.prompts[i]!]))
  return logOfSegment(
    segment,
    rows.map(row => prompts.get(row)!),
    rows,
    decisions,
    form,
  )
}

/** Policies see the whole row, and may refuse it: then it is rejected with their reason. */
async function decideRequests(
  segment: Segment,
  { prompts, rows, rejects }: SegmentPrompts,
  router: Router,
  job: SegmentJob,
): Promise<Omit<SegmentPrompts, 'prompts'> & { decisions: Decision[] }> {
  const decided = await router.decideEach(requestsOf(segment, prompts, rows, job))
  const decisions: Decision[] = []
  const kept: number[] = []
  const refused: Reject[] = []
  for (const [i, row] of rows.entries()) {
    const decision = decided[i]!
    if (!('refused' in decision)) {
      decisions.push(decision)
      kept.push(row)
      continue
    }
    const raw = new Uint8Array(segment.bytes.slice(segment.spans[row], segment.spans[row + 1]))
    refused.push({ line: segment.line + segment.spans[row + SPAN - 1]!, reason: decision.refused, raw })
  }
  return { decisions, rows: kept, rejects: [...rejects, ...refused].sort((a, b) => a.line - b.line) }
}

async function outputOf(
  segment: Segment,
  rows: readonly number[],
  decisions: readonly Decision[],
  { format, lineEnd, asDecisions, asGzip }: SegmentJob,
  memory: ArrayBuffer | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  if (asDecisions) return copyInto(writeDecisions(segment, rows, decisions), memory)
  if (!asGzip || rows.length === 0) return writeRows(segment, rows, decisions, format, lineEnd, memory)
  return copyInto(await compress(writeRows(segment, rows, decisions, format, lineEnd)), memory)
}
