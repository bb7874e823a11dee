import { createServer as createHttpServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { App } from './app.ts'

/** Where to listen, and how long a request may take to come. Milliseconds. */
export interface ListenOptions {
  /** 0 takes a free one. */
  readonly port: number
  readonly host: string
  readonly headersTimeout: number
  readonly requestTimeout: number
}

/** Limits of a connection. Milliseconds and bytes. */
const KEEP_ALIVE = 65_000
const HEADER_BYTES = 32_768
/** Between two looks at who takes too long. */
const [LEAST_CHECK, LONGEST_CHECK] = [100, 2_000]

/** A server that listens. */
export interface ListeningServer {
  readonly port: number
  /** Takes no new request, lets those under way finish, and ends what is left after `deadline` milliseconds. */
  drain(deadline: number): Promise<void>
}

/** Starts to listen. Rejects where the address cannot be had. */
export function listen(
  app: App,
  { port, host, headersTimeout, requestTimeout }: ListenOptions,
): Promise<ListeningServer> {
  const server = createHttpServer(
    {
      headersTimeout: Math.min(headersTimeout, requestTimeout),
      requestTimeout,
      keepAliveTimeout: KEEP_ALIVE,
      maxHeaderSize: HEADER_BYTES,
      connectionsCheckingInterval: Math.max(LEAST_CHECK, Math.min(LONGEST_CHECK, headersTimeout)),
    },
    (request, response) => void app(request, response),
  )
  server.on('connection', socket => socket.setNoDelay(true))
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
    else socket.destroy()
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve({ port: (server.address() as AddressInfo).port, drain: deadline => drain(server, deadline) })
    })
  })
}

function drain(server: Server, deadline: number): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(() => server.closeAllConnections(), deadline)
    server.close(() => {
      clearTimeout(timer)
      resolve()
    })
    server.closeIdleConnections()
  })
}
