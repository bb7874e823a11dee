import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { UpstreamError, UsageError } from '../errors.ts'
import type { WorkerStart } from './batch_worker.ts'
import type { Segment } from './framing.ts'
import type { RoutedSegment } from './segment_routing.ts'

/** Threads that route segments. */
export interface WorkerPool {
  /** Takes the segment over: its bytes are gone afterwards. Rejects as routing does, and where a worker dies. */
  route(segment: Segment): Promise<RoutedSegment>
  close(): Promise<void>
}

interface Answer {
  readonly id: number
  readonly routed?: RoutedSegment
  readonly failure?: { readonly name: string; readonly message: string; readonly stack?: string }
}

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
  const members = Array.from({ length: count }, () => open(file, start))
  return {
    route(segment) {
      const { worker, waiting, death } = members.reduce((least, member) =>
        member.waiting.size < least.waiting.size ? member : least,
      )
      const id = nextId++
      return new Promise((resolve, reject) => {
        if (death.cause) reject(death.cause)
        waiting.set(id, { resolve, reject })
        worker.postMessage({ id, segment }, [segment.bytes.buffer as ArrayBuffer])
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

function open(file: URL, start: WorkerStart): Member {
  const waiting = new Map<number, Waiting>()
  const death: { cause?: unknown } = {}
  const worker = new Worker(file, { workerData: start })
  const failAll = (error: unknown) => {
    death.cause ??= error
    for (const { reject } of waiting.values()) reject(death.cause)
    waiting.clear()
  }
  worker.on('message', ({ id, routed, failure }: Answer) => {
    const { resolve, reject } = waiting.get(id)!
    waiting.delete(id)
    if (routed) resolve(routed)
    else reject(revived(failure!))
  })
  worker.on('error', failAll)
  worker.on('exit', code => failAll(new Error(`a batch worker ended with code ${code} before its work was done`)))
  return { worker, waiting, death }
}

/** Errors lose their class between threads; the exit code depends on it. */
function revived({ name, message, stack }: NonNullable<Answer['failure']>): Error {
  if (name === 'UsageError' || name === 'DataError') return new UsageError(message)
  if (name === 'UpstreamError') return new UpstreamError(message)
  return Object.assign(new Error(message), { stack })
}

/** The bundle has it beside the entry, one folder above the chunks. */
function workerFile(): URL {
  const places = ['./batch_worker.js', '../batch_worker.js'].map(place => new URL(place, import.meta.url))
  const found = places.find(place => existsSync(fileURLToPath(place)))
  if (!found) throw new Error(`no batch_worker.js beside ${import.meta.url}`)
  return found
}
