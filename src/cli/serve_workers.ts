import cluster from 'node:cluster'
import type { ToPrimary } from './serve_messages.ts'
import { createPrimaryState } from './serve_primary.ts'

/**
 * Starts workers, and another where one dies. Resolves once all of them have ended.
 * @param onLine hears what happens, for the log.
 */
export async function runPrimary(
  count: number,
  onLine: (event: string, fields: Readonly<Record<string, unknown>>) => void,
): Promise<void> {
  /** Worker id → its number from 1 to `count`. */
  const places = new Map<number, number>()
  const state = createPrimaryState({
    onDrift: drift => onLine('drift', { ...drift }),
    placeOf: ({ id }) => places.get(id)!,
  })
  let port: number | undefined
  cluster.on('listening', (_, address) => {
    port = address.port
  })
  const fork = (place: number) => places.set(cluster.fork().id, place)
  let isStopping = false
  let died = 0
  cluster.on('message', (worker, message: ToPrimary) => void state.hear(worker, message))
  cluster.on('exit', (worker, code) => {
    state.forget(worker)
    const place = places.get(worker.id)!
    places.delete(worker.id)
    if (isStopping || code === 2) return
    // Where none is left the port is let go of: those to come take it again, also where any free one was asked for.
    if (Object.keys(cluster.workers ?? {}).length === 0 && port !== undefined) {
      cluster.setupPrimary({ args: [...process.argv.slice(2), '--port', String(port)] })
    }
    onLine('worker died', { pid: worker.process.pid, code })
    // One that cannot start must not be started for ever, as fast as it dies.
    // Not unref'd: where all have died, nothing else keeps the primary.
    setTimeout(
      () => {
        if (!isStopping) fork(place)
      },
      Math.min(10_000, 100 * 2 ** died++),
    )
    setTimeout(() => died--, 60_000).unref()
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      isStopping = true
      for (const worker of Object.values(cluster.workers ?? {})) worker!.process.kill('SIGTERM')
    })
  }
  process.on('SIGHUP', () => {
    for (const worker of Object.values(cluster.workers ?? {})) worker!.process.kill('SIGHUP')
  })
  for (let place = 1; place <= count; place++) fork(place)
  await new Promise<void>(resolve => {
    cluster.on('exit', (_, code) => {
      if (code === 2) process.exitCode = 2
      if (Object.keys(cluster.workers ?? {}).length === 0 && (isStopping || code === 2)) resolve()
    })
  })
}
