import type { Dispatcher, Client as OneConnection } from 'undici'
import Client from 'undici/lib/dispatcher/client.js'

/** Idle connections are given up after that long, unless the endpoint says another time. */
const KEEP_ALIVE = 10_000

/** A connection, which is made anew where it was given up. */
interface Connection {
  readonly client: OneConnection
  isFree: boolean
}

/**
 * As many connections per host as there are requests under way, with none of undici's timers but that of connecting. A bundle of
 * its own: it takes a while to load. undici's own Agent does the same, with three more layers on the way of each request.
 * @param connect milliseconds to connect.
 */
export function createAgent(connect: number): {
  dispatch(options: Dispatcher.DispatchOptions & { readonly origin: string }, handler: Dispatcher.DispatchHandler): void
  destroy(): Promise<void>
} {
  const connections: Connection[] = []
  const freeOf = new Map<string, Connection[]>()
  let isDestroyed = false

  function open(origin: string, free: Connection[]): Connection {
    const client = new Client(origin, {
      connect: { timeout: connect },
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE,
      pipelining: 1,
    })
    const connection = { client, isFree: false }
    connections.push(connection)
    // Whoever asks now is told so.
    if (isDestroyed) void client.destroy()
    client.on('drain', () => {
      if (!connection.isFree) free.push(connection)
      connection.isFree = true
    })
    return connection
  }

  return {
    dispatch(options, handler) {
      const { origin } = options
      let free = freeOf.get(origin)
      if (!free) {
        free = []
        freeOf.set(origin, free)
      }
      // The one that was used last: the others may be closed when they are not needed.
      const connection = free.pop() ?? open(origin, free)
      connection.isFree = false
      connection.client.dispatch(options, handler)
    },
    async destroy() {
      isDestroyed = true
      await Promise.all(connections.map(({ client }) => client.destroy()))
    },
  }
}
