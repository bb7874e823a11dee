import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Decision } from '../types.ts'
import type { Format } from './formats.ts'
import type { Reject, Segment } from './framing.ts'
import { copyInto } from './memory.ts'
import type { Router } from './router.ts'
import { writeDecisions, writeRows } from './row_writer.ts'
import { promptsOf } from './segment_prompts.ts'

const compress = promisify(gzip)

/** What is to be done with every segment of a run. Plain data, so that a worker can be sent it. */
export interface SegmentJob {
  readonly format: Format
  readonly promptColumn: string
  /** For a last row that has none. */
  readonly lineEnd: string
  /** Write decisions as JSON instead of the rows. */
  readonly asDecisions: boolean
  /** Each segment becomes a gzip member of its own, so that a file can be continued after any of them. */
  readonly asGzip: boolean
}

/** A segment, routed. */
export interface RoutedSegment {
  /** The rows with what was decided, at the start of memory of their own. */
  readonly output: Uint8Array<ArrayBuffer>
  readonly rows: number
  /** Rows that went to the strong model. */
  readonly strong: number
  readonly rejects: readonly Reject[]
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
  const { prompts, rows, rejects } = promptsOf(segment, job.format, job.promptColumn)
  const decisions = await router.decide(prompts)
  const strong = router.pair.strong.id
  return {
    output: await outputOf(segment, rows, decisions, job, memory),
    rows: rows.length,
    strong: decisions.reduce((count, { model }) => count + (model === strong ? 1 : 0), 0),
    rejects,
  }
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
