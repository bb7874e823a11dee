import { isRefusal } from '../routing/pool_router.ts'
import type { Decision } from '../types.ts'
import { type BatchOptions, jobOf } from './batch_options.ts'
import { createCallBlock } from './call_block.ts'
import { type BodyOptions, bodyOfRow, type RequestBody } from './chat_body.ts'
import { openRequests } from './requests.ts'
import type { Router } from './router.ts'
import { requestsOf } from './segment_requests.ts'

/** A row as it would be called. */
export interface DecidedRow {
  /** 1-based line on which it begins. */
  readonly line: number
  readonly decision: Decision
  readonly body: RequestBody
}

/** A row that would not be. */
export interface RejectedRow {
  readonly line: number
  readonly rejected: string
}

/** Every row of a file as it would be called, without calling or writing anything. Throws as `callBatch` before its first call. */
export async function* decidedRows(
  options: BatchOptions & { readonly body: BodyOptions },
  router: Router,
): AsyncGenerator<DecidedRow | RejectedRow> {
  const requests = await openRequests(options.input, options)
  const job = jobOf(options, requests)
  let first = 1
  try {
    for await (const segment of requests.segments()) {
      const block = createCallBlock(segment, first, job)
      first += block.rows.length
      const decided = await router.decideEach(requestsOf(block.segment, block.prompts, block.rows, job))
      const rejected = block.rejects().map(({ line, reason }): RejectedRow => ({ line, rejected: reason }))
      const rows = decided.map((decision, i): DecidedRow | RejectedRow => {
        const line = block.lineOf(i)
        if (isRefusal(decision)) return { line, rejected: decision.refused }
        return { line, decision, body: bodyOfRow(block.recordOf(i), block.prompts[i]!, job, options.body) }
      })
      yield* [...rejected, ...rows].sort((a, b) => a.line - b.line)
    }
  } finally {
    await requests.close()
  }
}
