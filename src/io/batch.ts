import { gzipSync } from 'node:zlib'
import { DataError } from '../errors.ts'
import type { ModelPair } from '../types.ts'
import {
  type BatchCounts,
  type BatchDestination,
  createFileDestination,
  createStreamDestination,
} from './batch_destination.ts'
import { type BatchOptions, checkFiles, jobOf, settingsOf } from './batch_options.ts'
import { orStopped, routeSegments } from './batch_pipeline.ts'
import { inputName } from './byte_source.ts'
import { type DecisionLog, openDecisionLog } from './decision_log.ts'
import type { Position, Reject } from './framing.ts'
import { rejectsFileOf, sentenceOf } from './rejects_file.ts'
import { openRequests, type Requests } from './requests.ts'
import { createRouter, type Router } from './router.ts'
import { routedHeader } from './row_writer.ts'
import type { RoutedSegment, SegmentJob } from './segment_routing.ts'

/** Rejected rows without a good one after which a batch that shows them gives up, instead of showing the whole input. */
const HOPELESS = 20

/** How a batch speaks to its caller. */
export interface BatchHooks {
  write?(bytes: Uint8Array): Promise<void>
  /** One line of CSV: line, reason, raw text. */
  onReject?(line: string): void
  onProgress?(progress: BatchProgress): void
  /** What the caller may not expect, before the first row. */
  onNote?(note: string): void
  /** Called before an error is thrown, where `isResumed` can go on from what is done. */
  onKept?(): void
  /** Aborting stops the batch in a state that can be resumed. */
  readonly signal?: AbortSignal
}

/** How far a batch has come. */
export interface BatchProgress extends BatchCounts {
  /** Stored bytes of the input, read and in all; `size` is undefined where nobody knows. */
  readonly bytesRead: number
  readonly size: number | undefined
  /** Rows of this run, without those of the runs that it goes on from. */
  readonly rowsHere: number
}

/** What a batch has done. */
export interface BatchSummary extends BatchCounts {
  readonly format: string
  readonly policy: string
  /** Only of policy `threshold`. */
  readonly strategy: string | undefined
  readonly threshold: number | undefined
  readonly pair: ModelPair | undefined
  /** The file of rejected rows; undefined where they went to `onReject`. */
  readonly rejectedFile: string | undefined
  /** `finished`; `unchanged` where an earlier run had finished; `stopped` by the signal. */
  readonly state: 'finished' | 'unchanged' | 'stopped'
  /** Whether `isResumed` can go on from here. */
  readonly isResumable: boolean
  /** Rows of this run, without those of the runs that it goes on from. */
  readonly rowsHere: number
}

/**
 * Routes every row of a file or stream, in order and in constant memory.
 * @throws the signal's reason where it stops the batch before the input has begun; UsageError, DataError (a file that cannot be used or written; the first bad row where `isStrict`), UpstreamError.
 */
export async function routeBatch(options: BatchOptions, hooks: BatchHooks = {}): Promise<BatchSummary> {
  await checkFiles(options)
  const router = await createRouter(options.router)
  for (const note of router.notes) hooks.onNote?.(note)
  const isLive = options.output === undefined
  const requests = await orStopped(openRequests(options.input, { ...options, isLive }), hooks.signal)
  let log: DecisionLog | undefined
  try {
    log = router.log && (await openDecisionLog(router.log.file, message => hooks.onNote?.(message)))
    return await routeRequests(requests, router, options, hooks, log)
  } finally {
    await log?.close()
    await requests.close()
  }
}

async function routeRequests(
  requests: Requests,
  router: Router,
  options: BatchOptions,
  hooks: BatchHooks,
  log: DecisionLog | undefined,
): Promise<BatchSummary> {
  const job = jobOf(options, requests, router.log)
  const { destination, rejectedFile } = await openDestination(options, hooks, router, requests, job)
  const { earlier } = destination
  const byModel = { ...earlier?.byModel }
  const counts = { rows: earlier?.rows ?? 0, byModel, rejected: earlier?.rejected ?? 0 }
  const summary = (state: BatchSummary['state'], isResumable: boolean): BatchSummary => ({
    ...counts,
    format: requests.format,
    policy: router.policyId,
    strategy: router.strategyId,
    threshold: router.threshold,
    pair: router.pair,
    rejectedFile,
    state,
    isResumable,
    rowsHere: counts.rows - (earlier?.rows ?? 0),
  })
  if (earlier?.isFinished) return summary('unchanged', true)

  const isShown = options.output === undefined && options.rejected === undefined
  let firstReject: Reject | undefined
  const isRefused = () => options.isStrict === true && firstReject !== undefined
  const settle = async ({ output, rows, byModel: routed, rejects, log: lines }: RoutedSegment, next: Position) => {
    firstReject ??= rejects[0]
    if (isRefused()) throw new DataError(inputName(options.input), firstReject!.line, sentenceOf(firstReject!))
    if (isShown && counts.rows + rows === 0 && counts.rejected + rejects.length >= HOPELESS) {
      throw everyRowBad(inputName(options.input), firstReject, undefined)
    }
    counts.rows += rows
    for (const [model, count] of Object.entries(routed)) byModel[model] = (byModel[model] ?? 0) + count
    counts.rejected += rejects.length
    await destination.accept(output, rejects, next, counts)
    if (lines) await log?.append(lines)
    const rowsHere = counts.rows - (earlier?.rows ?? 0)
    hooks.onProgress?.({ ...counts, rowsHere, bytesRead: requests.bytesRead(), size: requests.size })
  }
  try {
    const segments = requests.segments(earlier?.next ?? undefined)
    const { workers, router: workerRouter = {} } = options
    const pipeline = { router, job, workers, workerRouter, signal: hooks.signal, settle }
    if (!(await routeSegments(segments, pipeline))) return summary('stopped', await destination.leave())
    if (counts.rows > 0) {
      await destination.finish(counts)
      return summary('finished', true)
    }
  } catch (error) {
    const isNothing = isRefused() || counts.rows + counts.rejected === 0
    if (isNothing && !earlier) await destination.discard(false)
    else if (await destination.leave()) hooks.onKept?.()
    throw error
  }
  await destination.discard(true)
  throw everyRowBad(inputName(options.input), firstReject, rejectedFile)
}

function everyRowBad(input: string, first: Reject | undefined, rejectedFile: string | undefined): DataError {
  const why = first ? ` The first: ${sentenceOf(first)}` : ''
  const where = rejectedFile ? ` All are in ${rejectedFile}.` : ''
  return new DataError(input, first?.line, `expected at least one row that can be used, got none.${why}${where}`)
}

async function openDestination(
  options: BatchOptions,
  hooks: BatchHooks,
  router: Router,
  requests: Requests,
  job: SegmentJob,
): Promise<{ destination: BatchDestination; rejectedFile: string | undefined }> {
  const { input, output, isResumed = false } = options
  const header = headerOf(requests, job)
  if (output === undefined) {
    const { write = async () => {}, onReject = () => {} } = hooks
    const destination = await createStreamDestination(write, header, options.rejected, onReject)
    return { destination, rejectedFile: options.rejected }
  }
  const rejectedFile = options.rejected ?? rejectsFileOf(output)
  const settings = settingsOf(options, router, job)
  const destination = await createFileDestination(output, rejectedFile, header, { input, settings, isResumed })
  return { destination, rejectedFile }
}

function headerOf({ format, header }: Requests, { asDecisions, asGzip }: SegmentJob): Uint8Array {
  if (!header || asDecisions) return new Uint8Array(0)
  const bytes = routedHeader(header, format === 'tsv' ? 'tsv' : 'csv')
  return asGzip ? gzipSync(bytes) : bytes
}
