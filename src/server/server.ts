import { createServer as createHttpServer, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { UsageError } from '../errors.ts'
import type { App } from './app.ts'
import { stopAnswer } from './gone.ts'

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
/** For the last words of a server that stops. */
const PARTING = 500
/** Between two looks at who takes too long. */
const [LEAST_CHECK, LONGEST_CHECK] = [100, 2_000]

/** What a request that cannot be read is answered with. */
const STATUS_OF: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
}

/** A server that listens. */
export interface ListeningServer {
  readonly port: number
  /** Requests that are under way. */
  running(): number
  /**
   * Takes no new request, lets those under way finish, and after `deadline` milliseconds ends what is left, telling whoever asked.
   * Resolves to how many that were.
   */
  drain(deadline: number): Promise<number>
}

/** Starts to listen. Rejects with UsageError where the address cannot be had. */
export function listen(
  app: App,
  { port, host, headersTimeout, requestTimeout }: ListenOptions,
): Promise<ListeningServer> {
  const underWay = new Set<ServerResponse>()
  const sockets = new Set<Socket>()
  let isDraining = false
  const server = createHttpServer(
    {
      headersTimeout: Math.min(headersTimeout, requestTimeout),
      requestTimeout,
      keepAliveTimeout: KEEP_ALIVE,
      maxHeaderSize: HEADER_BYTES,
      connectionsCheckingInterval: Math.max(LEAST_CHECK, Math.min(LONGEST_CHECK, headersTimeout)),
    },
    (request, response) => {
      underWay.add(response)
      response.once('close', () => {
        underWay.delete(response)
        // Whoever keeps the connection could ask for ever.
        if (isDraining) request.socket.destroySoon()
      })
      void app(request, response)
    },
  )
  server.on('connection', socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('clientError', ({ code = '' }: NodeJS.ErrnoException, socket) => {
    const isAnswered = [...underWay].some(response => response.socket === socket && response.headersSent)
    // A line in the midst of an answer would be taken for a part of it.
    if (isAnswered || !socket.writable) return socket.destroy()
    const status = Object.hasOwn(STATUS_OF, code) ? STATUS_OF[code] : '400 Bad Request'
    socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
  })
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(unusable(error, host, port)))
    server.listen(port, host, () => {
      server.removeAllListeners('error')
      resolve({ port: (server.address() as AddressInfo).port, running: () => underWay.size, drain })
    })
  })

  function drain(deadline: number): Promise<number> {
    isDraining = true
    const busy = new Set([...underWay].map(({ socket }) => socket))
    for (const socket of sockets) if (!busy.has(socket)) socket.destroy()
    for (const response of underWay) response.shouldKeepAlive = false
    return new Promise(resolve => {
      let ended = 0
      let timer = setTimeout(() => {
        ended = underWay.size
        for (const response of underWay) stopAnswer(response)
        // Whoever does not read what they are told is cut off.
        timer = setTimeout(() => server.closeAllConnections(), PARTING)
      }, deadline)
      server.close(() => {
        clearTimeout(timer)
        resolve(ended)
      })
    })
  }
}

/** The error of an address that cannot be had: whoever named it can name another. */
function unusable(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'one that is taken',
    EADDRNOTAVAIL: 'one that this machine does not have',
    EACCES: 'one that needs more rights',
    ENOTFOUND: 'a name that nobody knows',
  }
  const { code = '' } = error
  if (!Object.hasOwn(reasons, code)) return error
  return new UsageError(
    `serve: expected an address to listen at, got ${host}:${port}, ${reasons[code]}. Name another with --host and --port.`,
  )
}
