import { gzipSync } from 'node:zlib'
import { DataError, UsageError } from '../errors.ts'
import { type CostSummary, createCostAccount } from '../routing/call_costs.ts'
import { createStreamDestination } from './batch_destination.ts'
import { type BatchOptions, checkFiles, jobOf, settingsOf } from './batch_options.ts'
import { createBudget } from './budget.ts'
import { fingerprint, inputName } from './byte_source.ts'
import type { CallBlock } from './call_block.ts'
import { CALL_COLUMNS, calledHeader } from './call_columns.ts'
import { type CallDestination, createCallDestination } from './call_destination.ts'
import { callRows } from './call_pipeline.ts'
import type { BodyOptions } from './chat_body.ts'
import { openDecisionLog } from './decision_log.ts'
import type { Reject } from './framing.ts'
import { type Ledger, ledgerFile, openLedger, setAsideNote } from './ledger.ts'
import type { EarlierRun } from './ledger_history.ts'
import { lengthOf } from './partial_file.ts'
import { rejectsFileOf, sentenceOf } from './rejects_file.ts'
import { openRequests, type Requests } from './requests.ts'
import { type CallCounts, createRowCalls, type RowCallParts } from './row_calls.ts'
import type { SegmentJob } from './segment_routing.ts'

/** What a batch that calls models is to do. */
export interface CallBatchOptions extends BatchOptions {
  readonly body: BodyOptions
  /** Rows under way at a time. */
  readonly maxConcurrency: number
  /** US dollars for the whole output, earlier runs included. */
  readonly maxDollars?: number | undefined
  /** What else decides the answers, for the ledger. */
  readonly settings?: Readonly<Record<string, string | null>>
}

/** How a batch that calls models speaks to its caller. */
export interface CallBatchHooks {
  write?(bytes: Uint8Array): Promise<void>
  /** One line of CSV: line, reason, raw text. */
  onReject?(line: string): void
  onProgress?(progress: CallProgress): void
  /** What the caller may not expect, as a sentence. */
  onNote?(note: string): void
  /** What an earlier run has left, before the first row. */
  onEarlier?(earlier: EarlierRun): void
  /** Called before an error is thrown, where `isResumed` can go on. */
  onKept?(): void
  /** Aborting starts no further row; those under way come to their end. */
  readonly signal?: AbortSignal
}

/** How far it has come. */
export interface CallProgress extends Readonly<CallCounts> {
  /** US dollars. */
  readonly spent: number
  /** Stored bytes of the input, read and in all; `size` is undefined where nobody knows. */
  readonly bytesRead: number
  readonly size: number | undefined
}

/** What a batch that calls models has done. */
export interface CallBatchSummary extends CostSummary, Readonly<CallCounts> {
  /** Rows without an answer, those called in vain included. */
  readonly rejected: number
  readonly rejectedFile: string | undefined
  readonly ledger: string | undefined
  readonly format: string
  /** `budget`: stopped since the next row could pass `maxDollars`. */
  readonly state: 'finished' | 'unchanged' | 'stopped' | 'budget'
}

/**
 * Fills a file with answers: decides and calls for every row, many at a time, and writes them in the order of the input in
 * bounded memory. With an output, a ledger beside it holds every call before it is made and every answer, so that `isResumed`
 * goes on after any end without asking again what was answered; rows that failed are asked again.
 * @throws UsageError, DataError; UpstreamError only where `isStrict`.
 */
export async function callBatch(
  options: CallBatchOptions,
  parts: RowCallParts,
  hooks: CallBatchHooks = {},
): Promise<CallBatchSummary> {
  await checkFiles(options)
  const requests = await openRequests(options.input, { ...options, isLive: options.output === undefined })
  try {
    requireNoCallColumns(requests, inputName(options.input))
    const job = jobOf(options, requests, parts.router.log)
    const ledger = options.output === undefined ? undefined : await openBatchLedger(options.output, options, parts, job)
    return await callRequests(requests, job, ledger, options, parts, hooks)
  } finally {
    await requests.close()
  }
}

async function callRequests(
  requests: Requests,
  job: SegmentJob,
  ledger: Ledger | undefined,
  options: CallBatchOptions,
  parts: RowCallParts,
  hooks: CallBatchHooks,
): Promise<CallBatchSummary> {
  const { input, output, isStrict } = options
  const name = inputName(input)
  const budget = createBudget(options.maxDollars, ledger?.earlier)
  const { models, pair } = parts.router.pool
  const account = createCostAccount(models, pair)
  const rows = createRowCalls(parts, {
    ...{ job, body: options.body, ledger, budget, account },
    strictInput: isStrict ? name : undefined,
  })
  const rejectedFile = options.rejected ?? (output === undefined ? undefined : rejectsFileOf(output))
  let rejected = 0
  let memory: ArrayBuffer | undefined
  let isKept = true
  let firstReject: Reject | undefined
  const summary = (state: CallBatchSummary['state']): CallBatchSummary => ({
    ...{ ...rows.counts, ...account.summary(), rejected, rejectedFile, state, format: requests.format },
    ledger: output === undefined ? undefined : ledgerFile(output),
  })
  if (output !== undefined && isWhole(ledger) && (await lengthOf(output)) !== undefined) {
    for (let row = 1; row < ledger!.slots; row++) await rows.recall(row)
    await ledger!.close()
    return summary('unchanged')
  }
  if (ledger?.setAside) hooks.onNote?.(setAsideNote(ledger.setAside))
  if (ledger?.earlier) hooks.onEarlier?.(ledger.earlier)
  const { log: logging } = parts.router
  const log = logging && (await openDecisionLog(logging.file, message => hooks.onNote?.(message)))
  const destination = await openDestination(output, rejectedFile, headerOf(requests, job), hooks)
  try {
    const pipeline = { job, maxConcurrency: options.maxConcurrency, signal: hooks.signal, ...rows, settle }
    if (!(await callRows(requests.segments(), pipeline))) {
      await destination.leave()
      return summary(rows.isOverBudget() ? 'budget' : 'stopped')
    }
    if (rows.counts.rows + rows.counts.failed === 0) throw noRow(name, firstReject)
    await ledger?.finish()
    await destination.finish()
    return summary('finished')
  } catch (error) {
    isKept = ledger !== undefined && (ledger.earlier !== undefined || rows.counts.rows + rows.counts.failed > 0)
    await (isKept ? destination.leave() : destination.discard())
    if (isKept) hooks.onKept?.()
    throw error
  } finally {
    await log?.close()
    await (isKept ? ledger?.close() : ledger?.discard())
  }

  async function settle(block: CallBlock): Promise<void> {
    const rejects = block.rejects()
    firstReject ??= rejects[0]
    if (isStrict && firstReject) throw new DataError(name, firstReject.line, sentenceOf(firstReject))
    rejected += rejects.length
    const written = await block.output(memory)
    await destination.accept(written, rejects)
    // Used again, since garbage outside of the heap piles up faster than it is collected.
    if (!job.asGzip && !job.asDecisions) memory = written.buffer as ArrayBuffer
    await log?.append(await block.log())
    const { size } = requests
    hooks.onProgress?.({ ...rows.counts, spent: budget.spent(), bytesRead: requests.bytesRead(), size })
  }
}

/** Every row of an earlier run has its answer, or can have none. */
function isWhole(ledger: Ledger | undefined): boolean {
  const { isFinished, failed, inFlight } = ledger?.earlier ?? { isFinished: false, failed: 0, inFlight: [] }
  return isFinished && failed === 0 && inFlight.length === 0
}

async function openBatchLedger(
  output: string,
  options: CallBatchOptions,
  { router }: RowCallParts,
  job: SegmentJob,
): Promise<Ledger> {
  const { system, maxTokens, temperature } = options.body
  const settings = {
    ...settingsOf(options, router, job),
    ...options.settings,
    'system message': system ?? null,
    'max tokens': maxTokens ?? null,
    temperature: temperature ?? null,
  }
  return openLedger(ledgerFile(output), {
    ...{ settings, isResumed: options.isResumed ?? false },
    // What comes through a pipe cannot be gone on with.
    input: (await fingerprint(options.input)) ?? '',
    slotOf: ({ row }) => row,
  })
}

async function openDestination(
  output: string | undefined,
  rejectedFile: string | undefined,
  header: Uint8Array,
  { write = async () => {}, onReject = () => {} }: CallBatchHooks,
): Promise<CallDestination> {
  if (output !== undefined) return createCallDestination(output, rejectedFile!, header)
  const stream = await createStreamDestination(write, header, rejectedFile, onReject)
  const place = { offset: 0, line: 0 }
  const none = { rows: 0, byModel: {}, rejected: 0 }
  return {
    accept: (rows, bad) => stream.accept(rows, bad, place, none),
    finish: () => stream.finish(none),
    leave: async () => void (await stream.leave()),
    discard: () => stream.discard(false),
  }
}

function headerOf({ format, header }: Requests, { asDecisions, asGzip }: SegmentJob): Uint8Array {
  if (!header || asDecisions) return new Uint8Array(0)
  const bytes = calledHeader(header, format === 'tsv' ? 'tsv' : 'csv')
  return asGzip ? gzipSync(bytes) : bytes
}

function requireNoCallColumns({ header }: Requests, input: string): void {
  const column = CALL_COLUMNS.find(name => header?.columns.includes(name))
  if (column === undefined) return
  throw new UsageError(`${input}: expected no column ${column}, which --call adds. Rename or remove it.`)
}

function noRow(input: string, first: Reject | undefined): DataError {
  const why = first ? ` The first: ${sentenceOf(first)}` : ''
  return new DataError(input, first?.line, `expected at least one row that can be used, got none.${why}`)
}
