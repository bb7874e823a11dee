import type { IncomingMessage } from 'node:http'
import { ApiFailure, clientGone, invalidRequest } from './envelope.ts'
import { findValues, type Span } from './json_span.ts'

/** A request body, as it came and as it is understood. */
export interface Received {
  readonly bytes: Uint8Array
  readonly body: Readonly<Record<string, unknown>>
  /** Where the value of `model` stands in `bytes`. */
  readonly model: readonly Span[]
}

/**
 * Reads a body whole, and no more than is allowed.
 * @throws ApiFailure: 413 where it is too large, 400 where it is no JSON object.
 */
export async function receive(request: IncomingMessage, mostBytes: number): Promise<Received> {
  const { 'content-encoding': encoding = 'identity' } = request.headers
  if (encoding !== 'identity') throw compressed()
  const bytes = await readBytes(request, mostBytes)
  const { spans, isTooDeep } = findValues(bytes, 'model')
  if (isTooDeep) throw invalidRequest('We could not parse the JSON body of your request: it is nested too deeply.')
  let body: unknown
  try {
    body = JSON.parse(bytes.toString('utf8', hasMark(bytes) ? 3 : 0))
  } catch {
    throw invalidRequest('We could not parse the JSON body of your request.')
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalidRequest('The body of your request is expected to be a JSON object.')
  }
  return { bytes, body: body as Received['body'], model: spans }
}

/** Whether the body is there, whole, and can be read at once: that of most requests comes with their headers. */
export function hasArrived(request: IncomingMessage): boolean {
  return request.complete || request.readableLength === Number(request.headers['content-length'])
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

/** By events: an iterator costs as much as all the rest of reading. What is there already is taken without any. */
async function readBytes(request: IncomingMessage, most: number): Promise<Buffer> {
  const tooLarge = () =>
    new ApiFailure({
      status: 413,
      type: 'invalid_request_error',
      code: 'request_too_large',
      message: `The body of your request is larger than ${most} bytes.`,
    })
  if (Number(request.headers['content-length']) > most) throw tooLarge()
  if (hasArrived(request)) {
    const whole: Buffer = request.read() ?? Buffer.alloc(0)
    // Its end, for which nobody waits.
    setImmediate(() => request.resume())
    if (whole.length > most) throw tooLarge()
    return whole
  }
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= most) chunks.push(chunk)
      else {
        chunks = []
        reject(tooLarge())
      }
    })
    request.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
    request.once('error', () => reject(clientGone()))
  })
}
