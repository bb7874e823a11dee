import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

/** What the endpoint does to a request instead of answering it. */
export type Fault =
  /** An answer of another kind. */
  | {
      readonly kind: 'answer'
      readonly status?: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string | Buffer
    }
  /** Takes the request and says nothing. */
  | { readonly kind: 'silent' }
  /** Sends headers, and no byte of the body until `after` milliseconds have passed. */
  | { readonly kind: 'slow_first_byte'; readonly after: number }
  /** Sends half of a good answer and then nothing more. */
  | { readonly kind: 'stall' }
  /** Sends a good answer and does not end it. */
  | { readonly kind: 'stall_behind_end' }
  /** Sends half of a good answer and closes the connection. */
  | { readonly kind: 'cut' }
  /** Sends half of a good answer and ends it as if it were whole. */
  | { readonly kind: 'short' }
  /** Closes the connection instead of answering. */
  | { readonly kind: 'reset' }
  /** Sends so many bytes of JSON. */
  | { readonly kind: 'huge'; readonly bytes: number }
  /** Answers as it should, after `after` milliseconds. */
  | { readonly kind: 'slow'; readonly after: number }

export interface FaultServer {
  /** Base URL, with `/v1`. */
  readonly url: string
  readonly requests: {
    readonly path: string
    readonly headers: IncomingHttpHeaders
    readonly text: string
    readonly body: Record<string, unknown>
    /** Milliseconds since 1970. */
    readonly time: number
  }[]
  /** What happens to the next requests, before it answers as it should; undefined: one is answered. */
  readonly faults: (Fault | undefined)[]
  /** Happens to all requests for which `faults` says nothing; undefined: they are answered. */
  always: Fault | undefined
  /** Text of an answer. */
  text: string
  /** Whether an answer says how many tokens it took. */
  hasUsage: boolean
  /** Bytes of each piece of a stream; 7 cuts characters in two. */
  piece: number
  /** Connections that were opened. */
  connections(): number
  /** Most requests that were under way at a time. */
  most(): number
  /** Requests whose client went away before they were answered. */
  aborted(): number
  close(): Promise<void>
}

/**
 * A server on this machine that answers `/chat/completions` and `/messages`, streamed or not, and really does every fault.
 * @param isTls speaks TLS with a certificate that nobody trusts.
 */
export async function startFaultServer({ isTls = false } = {}): Promise<FaultServer> {
  let [connections, running, most, aborted] = [0, 0, 0, 0]
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    most = Math.max(most, ++running)
    response.on('close', () => {
      running--
      if (!response.writableFinished) aborted++
    })
    const text = await textOf(request)
    const body = parse(text)
    server.requests.push({ path: request.url ?? '', headers: request.headers, text, body, time: Date.now() })
    const fault = server.faults.length > 0 ? server.faults.shift() : server.always
    const answer = answerOf(server, request.url ?? '', body)
    const half = answer.bytes.subarray(0, answer.bytes.length / 2)
    if (fault === undefined) return send(response, answer)
    switch (fault.kind) {
      case 'answer':
        response.writeHead(fault.status ?? 200, { 'content-type': 'application/json', ...fault.headers })
        return response.end(fault.body ?? '')
      case 'silent':
        return
      case 'reset':
        return request.socket.destroy()
      case 'slow':
        return setTimeout(() => send(response, answer), fault.after)
      case 'slow_first_byte':
        response.writeHead(200, { 'content-type': answer.type }).flushHeaders()
        return setTimeout(() => response.end(answer.bytes), fault.after)
      case 'stall':
        return response.writeHead(200, { 'content-type': answer.type }).write(half)
      case 'stall_behind_end':
        return response.writeHead(200, { 'content-type': answer.type }).write(answer.bytes)
      case 'cut':
        response.writeHead(200, { 'content-type': answer.type })
        return response.write(half, () => request.socket.destroy())
      case 'short':
        return response.writeHead(200, { 'content-type': answer.type }).end(half)
      case 'huge':
        return sendHuge(response, fault.bytes)
    }
  }
  const pem = isTls ? readFileSync('test/fixtures/self_signed.pem') : undefined
  const listener = pem ? createTlsServer({ key: pem, cert: pem }, handle) : createServer(handle)
  listener.on('connection', () => connections++)
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  const server: FaultServer = {
    url: `${isTls ? 'https' : 'http'}://127.0.0.1:${(listener.address() as AddressInfo).port}/v1`,
    requests: [],
    faults: [],
    always: undefined,
    text: 'Grüße, 世界 🌍!',
    hasUsage: true,
    piece: 7,
    connections: () => connections,
    most: () => most,
    aborted: () => aborted,
    close: () =>
      new Promise(resolve => {
        listener.close(() => resolve())
        listener.closeAllConnections()
      }),
  }
  return server
}

interface GoodAnswer {
  readonly piece: number
  readonly type: string
  readonly bytes: Buffer
}

/** In pieces where it is a stream. */
async function send(response: ServerResponse, { type, bytes, piece }: GoodAnswer) {
  response.writeHead(200, { 'content-type': type, 'x-request-id': 'req-1', 'set-cookie': 'a=b' })
  if (type === 'application/json') return response.end(bytes)
  for (let i = 0; i < bytes.length; i += piece) {
    response.write(bytes.subarray(i, i + piece))
    await new Promise(resolve => setImmediate(resolve))
  }
  return response.end()
}

function answerOf({ text, hasUsage, piece }: FaultServer, path: string, body: Record<string, unknown>): GoodAnswer {
  const isAnthropic = path.split('?')[0]!.endsWith('/messages')
  const form = isAnthropic ? anthropicAnswer(text, body.model) : openaiAnswer(text, body.model, hasUsage)
  if (!body.stream) return { piece, type: 'application/json', bytes: Buffer.from(JSON.stringify(form.whole)) }
  return { piece, type: 'text/event-stream', bytes: Buffer.from(form.events.join('')) }
}

function openaiAnswer(text: string, model: unknown, hasUsage: boolean) {
  const usage = { prompt_tokens: 1000, completion_tokens: 100, prompt_tokens_details: { cached_tokens: 400 } }
  const given = hasUsage ? { usage } : {}
  const chunk = (delta: unknown, finish_reason: string | null = null) => ({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model,
    choices: [{ index: 0, delta, finish_reason }],
  })
  return {
    whole: {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1,
      model,
      choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
      ...given,
    },
    events: [
      ...[
        chunk({ role: 'assistant', content: '' }),
        ...Array.from(text, content => chunk({ content })),
        chunk({}, 'stop'),
      ],
      ...(hasUsage ? [{ ...chunk({}), choices: [], usage }] : []),
    ]
      .map(data => `data: ${JSON.stringify(data)}\n\n`)
      .concat('data: [DONE]\n\n'),
  }
}

function anthropicAnswer(text: string, model: unknown) {
  const head = { id: 'msg_1', type: 'message', role: 'assistant', model }
  const usage = { input_tokens: 600, cache_read_input_tokens: 400, cache_creation_input_tokens: 0 }
  const events = [
    {
      type: 'message_start',
      message: { ...head, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } },
    },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'ping' },
    ...Array.from(text, piece => ({
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'text_delta', text: piece },
    })),
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 100 } },
    { type: 'message_stop' },
  ]
  return {
    whole: {
      ...head,
      content: [{ type: 'text', text }],
      stop_reason: 'end_turn',
      usage: { ...usage, output_tokens: 100 },
    },
    events: events.map(event => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`),
  }
}

/** JSON of that length, in pieces of 1 MB, as fast as they are taken. */
async function sendHuge(response: ServerResponse, bytes: number) {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.write('{"choices":[{"message":{"content":"')
  const piece = Buffer.alloc(1 << 20, 'a')
  const closed = once(response, 'close')
  for (let sent = 0; sent < bytes && !response.destroyed; sent += piece.length) {
    if (response.write(piece)) continue
    await Promise.race([once(response, 'drain'), closed])
  }
  response.end('"}}]}')
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
