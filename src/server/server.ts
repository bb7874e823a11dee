import { createServer as createHttpServer, type ServerResponse, STATUS_CODES } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { UsageError } from '../errors.ts'
import type { App } from './app.ts'
import { type ApiError, envelope } from './envelope.ts'
import { answerError } from './error_answer.ts'
import { giveUp, SERVER_STOPPING, stopAnswer } from './gone.ts'

/** Where to listen, and how long a request may take to come. Milliseconds, of which parts count as whole. */
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
/** Connections that may wait to be taken, as far as the system lets them: beyond, it resets them. */
const BACKLOG = 4096
/** Between two looks at who takes too long. */
const [LEAST_CHECK, LONGEST_CHECK] = [100, 2_000]

/** What a request that cannot be read is answered with. By the code of the error. */
const UNREADABLE: Readonly<Record<string, ApiError>> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    type: 'invalid_request_error',
    code: 'request_timeout',
    message: 'Your request took too long to come.',
  },
  HPE_HEADER_OVERFLOW: {
    status: 431,
    type: 'invalid_request_error',
    code: 'headers_too_large',
    message: `The headers of your request are larger than ${HEADER_BYTES} bytes.`,
  },
}
const UNMET: ApiError = {
  status: 417,
  type: 'invalid_request_error',
  code: 'expectation_failed',
  message: 'Expected Expect: 100-continue or none, got another.',
}
const MALFORMED: ApiError = {
  status: 400,
  type: 'invalid_request_error',
  code: 'malformed_request',
  message: 'We could not read your request: it is no valid HTTP.',
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
  /** The answers of each connection that have not ended, in the order of their requests: more than one where they are pipelined. */
  const underWay = new Map<Socket, ServerResponse[]>()
  const answers = () => [...underWay.values()].flat()
  let isDraining = false
  const server = createHttpServer(
    {
      headersTimeout: whole(Math.min(headersTimeout, requestTimeout)),
      requestTimeout: whole(requestTimeout),
      keepAliveTimeout: KEEP_ALIVE,
      maxHeaderSize: HEADER_BYTES,
      // By the app, in the form of the API.
      requireHostHeader: false,
      connectionsCheckingInterval: whole(Math.max(LEAST_CHECK, Math.min(LONGEST_CHECK, headersTimeout))),
    },
    (request, response) => {
      const { socket } = request
      const own = underWay.get(socket) ?? []
      own.push(response)
      response.once('close', () => {
        own.splice(own.indexOf(response), 1)
        // Whoever keeps the connection could ask for ever.
        if (isDraining && own.length === 0) socket.destroySoon()
      })
      void app(request, response)
    },
  )
  server.on('checkExpectation', (_, response: ServerResponse) => answerError(response, UNMET))
  server.on('connection', socket => {
    underWay.set(socket, [])
    socket.once('close', () => {
      const waiting = underWay.get(socket)!.filter(response => !response.socket)
      underWay.delete(socket)
      // Node tells only the one whose turn it is.
      for (const response of waiting) response.destroy().emit('close')
    })
  })
  server.on('clientError', ({ code = '' }: NodeJS.ErrnoException, socket) => {
    const own = underWay.get(socket as Socket) ?? []
    const response = own.at(-1)
    // A line in the midst of an answer would be taken for a part of it, or for the answer to another request.
    if (own.length > 1 || response?.headersSent || !socket.writable) return socket.destroy()
    const error = Object.hasOwn(UNREADABLE, code) ? UNREADABLE[code]! : MALFORMED
    // What is wrong with its bytes ends the connection at once; one that is late has somebody who waits for it.
    if (error !== MALFORMED && response && giveUp(response, error)) return
    const body = envelope(error)
    socket.end(
      `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    )
  })
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(unusable(error, host, port)))
    server.listen({ port, host, backlog: BACKLOG }, () => {
      server.removeAllListeners('error')
      // A connection that the system cannot give us, as where too many files are open, is lost alone.
      server.on('error', () => {})
      resolve({ port: (server.address() as AddressInfo).port, running: () => answers().length, drain })
    })
  })

  function drain(deadline: number): Promise<number> {
    isDraining = true
    for (const [socket, own] of underWay) {
      const last = own.at(-1)
      if (last) last.shouldKeepAlive = false
      else socket.destroy()
    }
    return new Promise(resolve => {
      let ended = 0
      let timer = setTimeout(() => {
        const late = answers()
        ended = late.length
        for (const response of late) stopAnswer(response)
        timer = setTimeout(() => {
          // What is still being decided is told so as well; whoever does not read what they are told is cut off.
          for (const response of answers()) if (!response.headersSent) answerError(response, SERVER_STOPPING)
          server.closeAllConnections()
        }, PARTING)
      }, deadline)
      server.close(() => {
        clearTimeout(timer)
        resolve(ended)
      })
    })
  }
}

/** Node takes no other times. */
function whole(milliseconds: number): number {
  return Math.min(Math.ceil(milliseconds), Number.MAX_SAFE_INTEGER)
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
