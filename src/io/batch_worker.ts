import { parentPort, workerData } from 'node:worker_threads'
import type { Segment } from './framing.ts'
import { createRouter, type RouterOptions } from './router.ts'
import { routeSegment, type SegmentJob } from './segment_routing.ts'

/** What a worker is started with. */
export interface WorkerStart {
  readonly router: RouterOptions
  readonly job: SegmentJob
}

/** What a worker is asked for, one segment at a time. */
export interface WorkerQuestion {
  readonly id: number
  readonly segment: Segment
}

const { router: options, job } = workerData as WorkerStart
const router = createRouter(options)
// Without this a router that cannot be made would end the thread before the first question tells why.
router.catch(() => {})

parentPort!.on('message', async ({ id, segment }: WorkerQuestion) => {
  try {
    const routed = await routeSegment(segment, await router, job)
    // A copy of its own length can be handed over without copying again; a view into Node's pool could not.
    const output = new Uint8Array(routed.output)
    parentPort!.postMessage({ id, routed: { ...routed, output } }, [output.buffer])
  } catch (error) {
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error))
    parentPort!.postMessage({ id, failure: { name, message, stack } })
  }
})
