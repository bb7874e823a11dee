import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A chat request as the server got it. */
export interface ChatRequest {
  readonly model: string
  readonly messages: readonly { readonly role: string; readonly content: string }[]
  readonly stream?: boolean
  readonly [key: string]: unknown
}

/** What a model says: a text, or a failure. */
export interface Reply {
  readonly text?: string
  readonly status?: number
  readonly headers?: Record<string, string>
  /** Milliseconds before anything is sent. */
  readonly delay?: number
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number }
}

export interface AnsweringServer {
  /** Base URL, up to and with `/v1`. */
  readonly url: string
  readonly requests: { readonly body: ChatRequest; readonly key: string }[]
  /** Most requests that were under way at a time. */
  most(): number
  close(): Promise<void>
}

/**
 * An endpoint on this machine that answers `/v1/chat/completions`, streamed or not, with what `answer` computes.
 * @param answer is given how many requests have come, this one included.
 */
export async function startAnsweringServer(
  answer: (request: ChatRequest, count: number) => Reply | string | Promise<Reply | string>,
): Promise<AnsweringServer> {
  let [running, most] = [0, 0]
  const requests: AnsweringServer['requests'] = []
  const server = createServer(async (request, response) => {
    most = Math.max(most, ++running)
    response.on('close', () => running--)
    const body = JSON.parse(await textOf(request)) as ChatRequest
    requests.push({ body, key: request.headers.authorization ?? '' })
    const given = await answer(body, requests.length)
    const reply = typeof given === 'string' ? { text: given } : given
    if (reply.delay) await sleep(reply.delay)
    if (reply.status !== undefined) {
      response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers })
      response.end('{"error":{"message":"no"}}')
    } else if (body.stream) stream(response, body, reply)
    else whole(response, body, reply)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    most: () => most,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** The last user turn. */
export function promptOf({ messages }: ChatRequest): string {
  return messages.findLast(({ role }) => role === 'user')?.content ?? ''
}

function usageOf(body: ChatRequest, { text = '', usage }: Reply) {
  return usage ?? { prompt_tokens: promptOf(body).split(' ').length, completion_tokens: text.split(' ').length }
}

function whole(response: ServerResponse, body: ChatRequest, reply: Reply): void {
  response.setHeader('content-type', 'application/json')
  response.end(
    JSON.stringify({
      ...{ id: 'x', object: 'chat.completion', model: body.model },
      choices: [{ index: 0, message: { role: 'assistant', content: reply.text ?? '' }, finish_reason: 'stop' }],
      usage: usageOf(body, reply),
    }),
  )
}

function stream(response: ServerResponse, body: ChatRequest, reply: Reply): void {
  response.setHeader('content-type', 'text/event-stream')
  const event = (data: unknown) => response.write(`data: ${JSON.stringify(data)}\n\n`)
  for (const piece of (reply.text ?? '').match(/\S+\s*/g) ?? []) {
    event({ id: 'x', model: body.model, choices: [{ index: 0, delta: { content: piece }, finish_reason: null }] })
  }
  event({ id: 'x', model: body.model, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })
  event({ id: 'x', model: body.model, choices: [], usage: usageOf(body, reply) })
  response.end('data: [DONE]\n\n')
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
