import { availableParallelism } from 'node:os'
import type { Position, Segment } from './framing.ts'
import type { Router } from './router.ts'
import type { RouterOptions } from './router_options.ts'
import { type RoutedSegment, routeSegment, type SegmentJob } from './segment_routing.ts'
import { createWorkerPool, type WorkerPool } from './worker_pool.ts'

/** Segments routed in this thread before workers are started: on small inputs they cost more than they bring. */
const SEGMENTS_ALONE = 8

const MOST_WORKERS = 8

/** What is done with the segments of a batch. */
export interface Pipeline {
  readonly router: Router
  /** What each worker makes its router from. */
  readonly workerRouter: RouterOptions
  readonly job: SegmentJob
  /**
   * Threads; 0 routes in this one. Default: one per core, where there are several and the input is not small; 0 where a neural
   * model runs, which uses all cores by itself and fills memory once a thread, an endpoint is asked, or a policy may count
   * what it has decided.
   */
  readonly workers: number | undefined
  readonly signal: AbortSignal | undefined
  /** Takes what was routed, in the order of the segments; calls do not overlap. */
  settle(routed: RoutedSegment, next: Position): Promise<void>
}

/**
 * Routes segments side by side and settles them in order, with few of them in memory. The result does not depend on the
 * number of workers. Returns false where the signal stopped it before the end.
 */
export async function routeSegments(segments: AsyncGenerator<Segment>, pipeline: Pipeline): Promise<boolean> {
  const { router, workerRouter, job, signal, settle } = pipeline
  const isCounting = router.policyId !== 'threshold'
  const isNeural = router.checkpoint?.model !== undefined
  const count = isCounting ? 0 : (pipeline.workers ?? (isNeural ? 0 : defaultWorkers()))
  const alone = count === 0 ? Number.POSITIVE_INFINITY : pipeline.workers === undefined ? SEGMENTS_ALONE : 0
  const running: Promise<{ routed: RoutedSegment; next: Position }>[] = []
  const spare: ArrayBuffer[] = []
  const settleFirst = async () => {
    const { routed, next } = await orStopped(running.shift()!, signal)
    await settle(routed, next)
    spare.push(routed.output.buffer)
  }
  let pool: WorkerPool | undefined
  try {
    for (let full = 0; ; ) {
      const { done, value: segment } = await orStopped(segments.next(), signal)
      if (done) break
      if (full >= alone) pool ??= createWorkerPool(count, { router: workerRouter, job })
      const { next, isIdle } = segment
      if (!isIdle) full++
      const memory = spare.pop()
      const work = pool ? pool.route(segment, memory) : routeSegment(segment, router, job, memory)
      const routing = work.then(routed => ({ routed, next }))
      // It is awaited in its turn; until then a failure must not count as unheard.
      routing.catch(() => {})
      running.push(routing)
      const most = pool && !isIdle ? 2 * count : 0
      while (running.length > most) await settleFirst()
    }
    while (running.length > 0) await settleFirst()
    return true
  } catch (error) {
    if (signal?.aborted) return false
    throw error
  } finally {
    await pool?.close()
  }
}

function defaultWorkers(): number {
  const cores = Math.min(availableParallelism(), MOST_WORKERS)
  return cores > 1 ? cores : 0
}

/** Waits for a promise, but not past the signal: then it throws. */
export function orStopped<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    // Not Promise.race: with a signal that outlives the batch it would keep every result in memory.
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
