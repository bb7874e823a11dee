import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { WorkerAnswer, WorkerQuestion, WorkerStart } from './batch_worker.ts'
import type { Segment } from './framing.ts'
import { copyInto } from './memory.ts'
import type { RoutedSegment } from './segment_routing.ts'
import { revived } from './thread_failure.ts'

/** Threads that route segments. */
export interface WorkerPool {
  /**
   * Copies the segment and hands it to the least busy worker. Rejects as routing does, and where the worker dies.
   * @param memory for the output, where there is some to use again; it is gone afterwards.
   */
  route(segment: Segment, memory?: ArrayBuffer): Promise<RoutedSegment>
  close(): Promise<void>
}

/** Prompts and decisions live briefly: a larger nursery only holds more garbage. */
const YOUNG_MEGABYTES = 8

interface Waiting {
  resolve(routed: RoutedSegment): void
  reject(error: unknown): void
}

/**
 * Starts `count` workers, each with a router of its own.
 * @param file the worker's program; default the one built beside this code.
 */
export function createWorkerPool(count: number, start: WorkerStart, file: URL = workerFile()): WorkerPool {
  let nextId = 0
  const spare: ArrayBuffer[] = []
  const members = Array.from({ length: count }, () => open(file, start, spare))
  return {
    route(segment, memory) {
      const { worker, waiting, death } = members.reduce((least, member) =>
        member.waiting.size < least.waiting.size ? member : least,
      )
      const id = nextId++
      return new Promise((resolve, reject) => {
        if (death.cause) reject(death.cause)
        waiting.set(id, { resolve, reject })
        const bytes = copyInto(segment.bytes, spare.pop())
        const question: WorkerQuestion = { id, segment: { ...segment, bytes }, memory }
        worker.postMessage(question, memory ? [bytes.buffer, memory] : [bytes.buffer])
      })
    },
    async close() {
      await Promise.all(members.map(({ worker }) => worker.terminate()))
    },
  }
}

interface Member {
  readonly worker: Worker
  /** Questions without an answer, by id. */
  readonly waiting: Map<number, Waiting>
  readonly death: { cause?: unknown }
}

/** @param spare where memory that comes back from the worker goes. */
function open(file: URL, start: WorkerStart, spare: ArrayBuffer[]): Member {
  const waiting = new Map<number, Waiting>()
  const death: { cause?: unknown } = {}
  const worker = new Worker(file, { workerData: start, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEGABYTES } })
  const failAll = (error: unknown) => {
    death.cause ??= error
    for (const { reject } of waiting.values()) reject(death.cause)
    waiting.clear()
  }
  worker.on('message', ({ id, routed, input, failure }: WorkerAnswer) => {
    if (input) spare.push(input)
    const { resolve, reject } = waiting.get(id)!
    waiting.delete(id)
    if (routed) resolve(routed)
    else reject(revived(failure!))
  })
  worker.on('error', failAll)
  worker.on('exit', code => failAll(new Error(`a batch worker ended with code ${code} before its work was done`)))
  return { worker, waiting, death }
}

/** The bundle has it beside the entry, one folder above the chunks. */
function workerFile(): URL {
  const places = ['./batch_worker.js', '../batch_worker.js'].map(place => new URL(place, import.meta.url))
  const found = places.find(place => existsSync(fileURLToPath(place)))
  if (!found) throw new Error(`no batch_worker.js beside ${import.meta.url}`)
  return found
}
