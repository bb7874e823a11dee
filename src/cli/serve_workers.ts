import cluster, { type Worker } from 'node:cluster'
import type { ServeSettings } from '../io/serve_schema.ts'
import type { ServerLog } from '../server/log.ts'
import type { ToPrimary } from './serve_messages.ts'
import { createPrimaryState } from './serve_primary.ts'
import { toldToEnd } from './serve_signals.ts'

/** Milliseconds after `drain` that a worker has for its last words. */
const GRACE = 5000

/**
 * Starts workers, and another where one dies, also where it can only start once the configuration is mended. Resolves once all of
 * them have ended: after SIGTERM or SIGINT, within `drain` seconds and a few more, or, with exit code 2, where what was asked for
 * could not be started at all.
 * @param onListening is told once, when the first of them can be asked.
 */
export async function runPrimary(
  settings: Pick<ServeSettings, 'workers' | 'drain'>,
  log: Pick<ServerLog, 'warn'>,
  onListening: (url: string) => void,
): Promise<void> {
  const { workers: count } = settings
  let { drain } = settings
  /** Worker id → its number from 1 to `count`. */
  const places = new Map<number, number>()
  const onFailure = (detail: string) => log.warn('the primary failed at a message of a worker', { error: detail })
  const state = createPrimaryState({
    onDrift: drift => log.warn('drift', { ...drift }),
    onFailure,
    placeOf: ({ id }) => places.get(id)!,
  })
  let port: number | undefined
  cluster.on('listening', (_, address) => {
    port = address.port
  })
  /** Ids of workers that listen, and of those that were to read the configuration before they did. */
  const listening = new Set<number>()
  const stale = new Set<number>()
  let isListening = false
  cluster.on('message', (worker, message: ToPrimary) => {
    if (message.kind === 'drain') drain = message.seconds
    else if (message.kind !== 'listening') state.hear(worker, message).catch(error => onFailure(error.stack))
    else {
      if (!isListening) onListening(message.url)
      isListening = true
      listening.add(worker.id)
      if (stale.delete(worker.id)) worker.process.kill('SIGHUP')
    }
  })
  // It would end one that is about to start, which may have read an earlier file.
  process.on('SIGHUP', () => {
    for (const worker of workers()) {
      if (listening.has(worker.id)) worker.process.kill('SIGHUP')
      else stale.add(worker.id)
    }
  })
  const closeLast = new Map<number, () => void>()
  const fork = (place: number) => {
    const worker = cluster.fork()
    places.set(worker.id, place)
    closeLast.set(worker.id, watchConnections(worker))
  }
  for (let place = 1; place <= count; place++) fork(place)
  await new Promise<void>(resolve => {
    // Not unref'd: where all have died, nothing else keeps the primary.
    const retries = new Set<NodeJS.Timeout>()
    let isStopping = false
    let died = 0
    const endAfterLast = () => {
      if (isStopping && places.size === 0) resolve()
    }
    const stop = () => {
      isStopping = true
      for (const timer of retries) clearTimeout(timer)
      for (const worker of workers()) worker.process.kill('SIGTERM')
      setTimeout(
        () => {
          for (const { process: late } of workers()) {
            log.warn('worker killed: it did not end in time', { pid: late.pid })
            late.kill('SIGKILL')
          }
        },
        drain * 1000 + GRACE,
      ).unref()
      endAfterLast()
    }
    void toldToEnd().then(stop)
    cluster.on('exit', (worker, code) => {
      state.forget(worker)
      const place = places.get(worker.id)!
      const close = closeLast.get(worker.id)!
      for (const ids of [places, closeLast, listening, stale]) ids.delete(worker.id)
      if (isStopping) return endAfterLast()
      // One that ended by itself has said which connections it did not take: they go to others.
      if (code !== 0) close()
      const isRefused = code === 2
      if (isRefused && port === undefined) {
        process.exitCode = code
        return stop()
      }
      // Where none is left the port is let go of: those to come take it again, also where any free one was asked for.
      if (places.size === 0 && port !== undefined) {
        cluster.setupPrimary({ args: [...process.argv.slice(2), '--port', String(port)] })
      }
      // One that cannot start must not be started for ever, as fast as it dies.
      const wait = Math.min(10_000, 100 * 2 ** died++)
      setTimeout(() => died--, 60_000).unref()
      const event = isRefused ? 'worker cannot start again, as it says above: tried once more' : 'worker died'
      log.warn(event, { pid: worker.process.pid, code, seconds: wait / 1000 })
      const timer = setTimeout(() => {
        retries.delete(timer)
        fork(place)
      }, wait)
      retries.add(timer)
    })
  })
}

/**
 * Gives what closes the connection that a worker was given last. `node:cluster` hands over one at a time and waits for the worker to
 * take it; where it dies instead, the connection stays open for ever, and whoever asked waits as long. To close one that was taken
 * does nothing.
 */
function watchConnections({ process: child }: Worker): () => void {
  const send = child.send.bind(child) as (...all: unknown[]) => boolean
  let last: { close(): void } | undefined
  child.send = (message: unknown, handle?: unknown, ...rest: unknown[]) => {
    // A callback may stand in its place.
    if (typeof handle === 'object' && handle) last = handle as { close(): void }
    return send(message, handle, ...rest)
  }
  return () => last?.close()
}

function workers(): readonly Worker[] {
  return Object.values(cluster.workers ?? {}).map(worker => worker!)
}
