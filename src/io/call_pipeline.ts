import { UpstreamError } from '../errors.ts'
import { isRefusal, type Refusal } from '../routing/pool_router.ts'
import type { Decision } from '../types.ts'
import { orStopped } from './batch_pipeline.ts'
import type { Reservation } from './budget.ts'
import { type CallBlock, createCallBlock, type RowDecision } from './call_block.ts'
import type { RowAnswer } from './call_columns.ts'
import type { RequestBody } from './chat_body.ts'
import type { Segment } from './framing.ts'
import type { SegmentJob } from './segment_routing.ts'

/** Rows decided at a time: few, so that deciding never holds up answers for long, and late, so that it sees what has come. */
const CHUNK = 32
/** Rows, and bytes of input, that may wait in memory behind one that takes long. */
const WAITING_ROWS = 8192
const WAITING_BYTES = 1 << 24

/** A row that is about to be called. */
export interface PreparedCall {
  readonly body: RequestBody
  /** Of what it is expected to cost. */
  readonly reservation: Reservation
}

/** What is done with the rows of an input. Rows are named by their block and their index in it. */
export interface CallPipeline {
  readonly job: SegmentJob
  /** Rows under way at a time. */
  readonly maxConcurrency: number
  /** Aborting it starts no further row; those under way come to their end. */
  readonly signal: AbortSignal | undefined
  /** What an earlier run was answered. */
  recall(row: number): Promise<{ readonly decision: RowDecision; readonly answer: RowAnswer } | undefined>
  decide(block: CallBlock, indexes: readonly number[]): Promise<(Decision | Refusal)[]>
  /** Makes a row ready right before it is called; `wait` until another has ended; undefined stops like the signal. */
  prepare(block: CallBlock, index: number, decision: Decision): PreparedCall | 'wait' | undefined
  /**
   * The answer, and what it was decided by: decided anew where all that was decided is down.
   * Throws UpstreamError where the row has no answer; anything else ends the run.
   */
  call(
    block: CallBlock,
    index: number,
    decision: Decision,
    prepared: PreparedCall,
  ): Promise<{ readonly decision: Decision; readonly answer: RowAnswer }>
  /** Takes blocks whose rows have all come to their end, in the order of the input; calls do not overlap. */
  settle(block: CallBlock): Promise<void>
}

/**
 * Calls models for the rows of segments, many at a time, and settles blocks in order, with a bounded number of rows in memory.
 * Returns false where it stopped before the end.
 */
export async function callRows(segments: AsyncGenerator<Segment>, pipeline: CallPipeline): Promise<boolean> {
  const { job, maxConcurrency, signal } = pipeline
  const blocks: CallBlock[] = []
  const underWay = new Set<Promise<void>>()
  let first = 1
  let isStopped = false
  let failure: { readonly error: unknown } | undefined
  let isSettling = false
  let wake = () => {}

  try {
    for (;;) {
      const { done, value: segment } = await orStopped(segments.next(), signal)
      if (done) break
      const block = createCallBlock(segment, first, job)
      first += block.rows.length
      blocks.push(block)
      isStopped = !(await startRows(block))
      if (isStopped) break
      void settleReady()
      await until(() => blocks.length <= 1 || !isTooMuch())
    }
  } catch (error) {
    if (!signal?.aborted) failure ??= { error }
    isStopped = true
  }
  await until(() => underWay.size === 0)
  void settleReady()
  await until(() => !isSettling)
  if (failure) throw failure.error
  return !isStopped

  /** Returns false where it stopped. */
  async function startRows(block: CallBlock): Promise<boolean> {
    for (let from = 0; from < block.rows.length; from += CHUNK) {
      const indexes = await notRecalled(block, from)
      const decided = indexes.length === 0 ? [] : await pipeline.decide(block, indexes)
      for (const [i, index] of indexes.entries()) {
        const decision = decided[i]!
        if (isRefusal(decision)) {
          block.reject(index, decision.refused)
          continue
        }
        const prepared = await prepare(block, index, decision)
        if (!prepared) return false
        const row = callRow(block, index, decision, prepared).finally(() => {
          underWay.delete(row)
          wake()
        })
        underWay.add(row)
      }
    }
    return true
  }

  async function prepare(block: CallBlock, index: number, decision: Decision): Promise<PreparedCall | undefined> {
    for (let most = maxConcurrency; ; most = underWay.size) {
      await until(() => underWay.size < most)
      if (failure || signal?.aborted) return undefined
      const prepared = pipeline.prepare(block, index, decision)
      if (prepared !== 'wait') return prepared
    }
  }

  async function notRecalled(block: CallBlock, from: number): Promise<number[]> {
    const open: number[] = []
    for (let index = from; index < Math.min(from + CHUNK, block.rows.length); index++) {
      const known = await pipeline.recall(block.first + index)
      if (known) block.answer(index, known.decision, known.answer, true)
      else open.push(index)
    }
    return open
  }

  async function callRow(block: CallBlock, index: number, decided: Decision, prepared: PreparedCall): Promise<void> {
    try {
      const { decision, answer } = await pipeline.call(block, index, decided, prepared)
      block.answer(index, decision, answer)
    } catch (error) {
      if (error instanceof UpstreamError) block.reject(index, error.message)
      else failure ??= { error }
    }
    if (block.isSettled()) void settleReady()
  }

  async function settleReady(): Promise<void> {
    if (isSettling) return
    isSettling = true
    try {
      while (!failure && blocks[0]?.isSettled()) {
        await pipeline.settle(blocks[0])
        blocks.shift()
      }
    } catch (error) {
      failure ??= { error }
    }
    isSettling = false
    wake()
  }

  function isTooMuch(): boolean {
    const rows = blocks.reduce((sum, block) => sum + block.rows.length, 0)
    return rows > WAITING_ROWS || blocks.reduce((sum, { segment }) => sum + segment.bytes.length, 0) > WAITING_BYTES
  }

  /** Waits until something has come to its end and the condition holds. */
  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  }
}
