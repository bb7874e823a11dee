import type { IncomingMessage } from 'node:http'
import { ApiFailure, clientGone, invalidRequest } from './envelope.ts'
import { findValues, MOST_VALUES, type Span } from './json_span.ts'

/** A request body, as it came and as it is understood. */
export interface Received {
  readonly bytes: Uint8Array
  readonly body: Readonly<Record<string, unknown>>
  /** Where the value of `model` stands in `bytes`. */
  readonly model: readonly Span[]
}

const MODEL = 'model'

/**
 * Reads a body whole, and no more than is allowed.
 * @throws ApiFailure: 413 where it is too large, 415 where it is compressed, 400 where it is no JSON object, or one that names its
 * model twice.
 */
export async function receive(request: IncomingMessage, mostBytes: number): Promise<Received> {
  requireReadable(request, mostBytes)
  return understood(await readBytes(request, mostBytes))
}

/** The same at once, of a body that has arrived. */
export function receiveArrived(request: IncomingMessage, mostBytes: number): Received {
  requireReadable(request, mostBytes)
  const bytes: Buffer = request.read() ?? Buffer.alloc(0)
  // Its end, for which nobody waits.
  setImmediate(() => request.resume())
  if (bytes.length > mostBytes) throw tooLarge(largerThan(mostBytes))
  return understood(bytes)
}

/** Whether the body is there, whole, and can be read at once: that of most requests comes with their headers. */
export function hasArrived(request: IncomingMessage): boolean {
  return request.complete || request.readableLength === Number(request.headers['content-length'])
}

function requireReadable({ headers }: IncomingMessage, mostBytes: number): void {
  const { 'content-encoding': encoding = 'identity', 'content-length': length } = headers
  if (encoding !== 'identity' && !/^\s*(?:identity\s*)?$/i.test(encoding)) throw compressed()
  if (Number(length) > mostBytes) throw tooLarge(largerThan(mostBytes))
}

function understood(bytes: Buffer): Received {
  const { spans, excess } = findValues(bytes, MODEL)
  if (excess === 'depth') {
    throw invalidRequest('We could not parse the JSON body of your request: it is nested too deeply.')
  }
  if (excess === 'values') throw tooLarge(`holds more than ${MOST_VALUES} values`)
  let body: unknown
  try {
    body = JSON.parse(bytes.toString('utf8', hasMark(bytes) ? 3 : 0))
  } catch {
    throw invalidRequest('We could not parse the JSON body of your request.')
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalidRequest('The body of your request is expected to be a JSON object.')
  }
  requireOneModel(body)
  return { bytes, body: body as Received['body'], model: spans }
}

/** Servers in Go read the names of fields in any case: under another one a client could name a model that is not configured. */
function requireOneModel(body: object): void {
  for (const key in body) {
    if (key.length === MODEL.length && key !== MODEL && key.toLowerCase() === MODEL) {
      throw invalidRequest(
        `model: expected its name in lower case alone, got "${key}", which some endpoints read as well. Leave that out.`,
        'model',
      )
    }
  }
}

/** A byte-order mark, which Windows' tools put before UTF-8. RFC 8259 lets a reader ignore it. */
function hasMark(bytes: Buffer): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
}

function compressed(): ApiFailure {
  return new ApiFailure({
    status: 415,
    type: 'invalid_request_error',
    code: 'unsupported_content_encoding',
    message: 'The body of your request is compressed. Send it as it is, without content-encoding.',
  })
}

const largerThan = (most: number) => `is larger than ${most} bytes`

function tooLarge(phrase: string): ApiFailure {
  return new ApiFailure({
    status: 413,
    type: 'invalid_request_error',
    code: 'request_too_large',
    message: `The body of your request ${phrase}.`,
  })
}

/** Chunks that are kept as they are: each takes hundreds of bytes, were it of one. */
const MOST_CHUNKS = 1024

/** By events: an iterator costs as much as all the rest of reading. */
function readBytes(request: IncomingMessage, most: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let whole: Buffer[] = []
    let chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > most) {
        whole = chunks = []
        return reject(tooLarge(largerThan(most)))
      }
      if (chunks.push(chunk) < MOST_CHUNKS) return
      whole.push(Buffer.concat(chunks))
      chunks = []
    })
    request.once('end', () => {
      const all = whole.length > 0 ? [...whole, ...chunks] : chunks
      resolve(all.length === 1 ? all[0]! : Buffer.concat(all))
    })
    request.once('error', () => reject(clientGone()))
  })
}
