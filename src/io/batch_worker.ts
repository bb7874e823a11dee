import { parentPort, workerData } from 'node:worker_threads'
import type { Segment } from './framing.ts'
import { createRouter, type Router } from './router.ts'
import type { RouterOptions } from './router_options.ts'
import { type RoutedSegment, routeSegment, type SegmentJob } from './segment_routing.ts'
import { failureOf, type ThreadFailure } from './thread_failure.ts'

/** What a worker is started with. */
export interface WorkerStart {
  readonly router: RouterOptions
  readonly job: SegmentJob
}

/** What a worker is asked for, one segment at a time. */
export interface WorkerQuestion {
  readonly id: number
  readonly segment: Segment
  /** Memory for the output, where there is some to use again. */
  readonly memory: ArrayBuffer | undefined
}

/** What a worker says. The memory of its question comes back. */
export interface WorkerAnswer {
  readonly id: number
  readonly routed?: RoutedSegment
  readonly input?: ArrayBuffer
  readonly failure?: ThreadFailure
}

const { router: options, job } = workerData as WorkerStart
// Made for the first question: ended while it opens a neural model, a thread would take the whole program with it.
let router: Promise<Router> | undefined

parentPort!.on('message', async ({ id, segment, memory }: WorkerQuestion) => {
  try {
    router ??= createRouter(options)
    const routed = await routeSegment(segment, await router, job, memory)
    const input = segment.bytes.buffer as ArrayBuffer
    answer({ id, routed, input }, [routed.output.buffer, input])
  } catch (error) {
    answer({ id, failure: failureOf(error) }, [])
  }
})

function answer(message: WorkerAnswer, handedOver: ArrayBuffer[]): void {
  parentPort!.postMessage(message, handedOver)
}
