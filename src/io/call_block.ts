import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { LoggedAnswer } from '../routing/logged_decision.ts'
import type { Decision } from '../types.ts'
import { calledCells, type RowAnswer } from './call_columns.ts'
import { type Reject, type Segment, SPAN } from './framing.ts'
import { spliceRows } from './row_writer.ts'
import { logOfSegment } from './segment_log.ts'
import { promptsOf } from './segment_prompts.ts'
import type { SegmentJob } from './segment_routing.ts'

const compress = promisify(gzip)

/** What a row's answer was decided by: enough to write it, and to write it again from a ledger. */
export type RowDecision = Pick<Decision, 'model' | 'winRate' | 'threshold'> & Partial<Decision>

/** Rows of a segment that wait for their answers, in memory of their own. */
export interface CallBlock {
  readonly segment: Segment
  /** Of its routable rows, in order. */
  readonly prompts: readonly string[]
  /** Per prompt, where its record's numbers begin in `segment.spans`. */
  readonly rows: readonly number[]
  /** The number of its first routable row, from 1 on through the whole input. */
  readonly first: number
  /** 1-based line on which a row begins. */
  lineOf(index: number): number
  /** The bytes of a row, without its line end. */
  recordOf(index: number): Uint8Array
  /** @param isRecalled whether an earlier run was given it. */
  answer(index: number, decision: RowDecision, answer: RowAnswer, isRecalled?: boolean): void
  /** A row without an answer, and why. */
  reject(index: number, reason: string): void
  /** Whether every row has come to its end. */
  isSettled(): boolean
  rejects(): readonly Reject[]
  /** Rows with an answer, as they are to be written. @param memory what to write them into, where it is large enough. */
  output(memory?: ArrayBuffer): Promise<Uint8Array>
  /** Lines of the decision log, of rows that this run answered; '' where the job logs nothing. */
  log(): Promise<string>
}

/** Takes the rows out of a segment, whose memory may be used again then. */
export function createCallBlock(shared: Segment, first: number, job: SegmentJob): CallBlock {
  const segment = { ...shared, bytes: Buffer.from(shared.bytes), spans: shared.spans.slice() }
  const { prompts, rows, rejects: unroutable } = promptsOf(segment, job.format, job.promptColumn)
  const { bytes, spans } = segment
  const rejects = [...unroutable]
  const answers: ({ decision: RowDecision; answer: RowAnswer; isRecalled: boolean } | undefined)[] = Array(
    rows.length,
  ).fill(undefined)
  let waiting = rows.length
  const lineOf = (index: number) => segment.line + spans[rows[index]! + SPAN - 1]!
  const recordOf = (index: number) => bytes.subarray(spans[rows[index]!], spans[rows[index]! + 1])
  return {
    ...{ segment, prompts, rows, first, lineOf, recordOf },
    answer(index, decision, answer, isRecalled = false) {
      answers[index] = { decision, answer, isRecalled }
      waiting--
    },
    reject(index, reason) {
      rejects.push({ line: lineOf(index), reason, raw: new Uint8Array(recordOf(index)) })
      waiting--
    },
    isSettled: () => waiting === 0,
    rejects: () => rejects.sort((a, b) => a.line - b.line),
    output,
    log,
  }

  async function log(): Promise<string> {
    if (!job.log) return ''
    const here = [...answers.keys()].filter(index => answers[index] && !answers[index].isRecalled)
    const logged = here.map((index): LoggedAnswer => {
      const { model, inputTokens, outputTokens, cost, latency } = answers[index]!.answer
      return { model, inputTokens, outputTokens, latency, ...(cost === null ? {} : { cost }) }
    })
    return logOfSegment(
      segment,
      here.map(index => prompts[index]!),
      here.map(index => rows[index]!),
      here.map(index => answers[index]!.decision as Decision),
      { ...job, log: job.log },
      logged,
    )
  }

  async function output(memory?: ArrayBuffer): Promise<Uint8Array> {
    const { format, lineEnd, asDecisions, asGzip } = job
    const there = [...answers.keys()].filter(index => answers[index])
    if (asDecisions) {
      const records = there.map(index => ({
        line: lineOf(index),
        ...answers[index]!.decision,
        answer: answers[index]!.answer,
      }))
      return Buffer.from(records.map(record => `${JSON.stringify(record)}\n`).join(''))
    }
    const cells = there.map(index => calledCells(answers[index]!.decision, answers[index]!.answer, format))
    const written = spliceRows(
      segment,
      there.map(index => rows[index]!),
      cells,
      format,
      lineEnd,
      memory,
    )
    return asGzip && there.length > 0 ? compress(written) : written
  }
}
