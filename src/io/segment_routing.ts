import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Format } from './formats.ts'
import type { Reject, Segment } from './framing.ts'
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
  /** The rows with what was decided. */
  readonly output: Uint8Array
  readonly rows: number
  /** Rows that went to the strong model. */
  readonly strong: number
  readonly rejects: readonly Reject[]
}

/** Routes one segment. The same whoever does it: the command's own thread or a worker. */
export async function routeSegment(segment: Segment, router: Router, job: SegmentJob): Promise<RoutedSegment> {
  const { prompts, rows, rejects } = promptsOf(segment, job.format, job.promptColumn)
  const decisions = await router.decide(prompts)
  const output = job.asDecisions
    ? writeDecisions(segment, rows, decisions)
    : writeRows(segment, rows, decisions, job.format, job.lineEnd)
  const strong = router.pair.strong.id
  return {
    output: job.asGzip && output.length > 0 ? await compress(output) : output,
    rows: rows.length,
    strong: decisions.reduce((count, { model }) => count + (model === strong ? 1 : 0), 0),
    rejects,
  }
}
