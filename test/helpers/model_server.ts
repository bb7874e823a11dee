import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as it came. */
export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
  readonly body: Record<string, unknown> & { model: string; messages: { role: string; content: unknown }[] }
}

/** What a test makes of a request in place of the usual answer; false leaves it to that. */
export type Instead = (received: Received, response: ServerResponse) => boolean | Promise<boolean>

/** An endpoint that answers. */
export interface ModelServer {
  /** With `/v1`. */
  readonly url: string
  readonly received: Received[]
  instead: Instead
  close(): Promise<void>
}

/** A server on this machine that speaks OpenAI's forms and Anthropic's, and answers with what it was asked, in several pieces when streamed. */
export async function startModelServer(): Promise<ModelServer> {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const bytes = Buffer.concat(chunks)
    const body = JSON.parse(bytes.toString('utf8').replace(/^\ufeff/, ''))
    const one = { path: request.url!, headers: request.headers, bytes, body }
    received.push(one)
    if (await models.instead(one, response)) return
    if (one.body.stream === true) stream(one, response)
    else json(response, 200, answerTo(one))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const models: ModelServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    received,
    instead: () => false,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return models
}

/** Ends a response with JSON. */
export function json(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): true {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
  return true
}

const USAGE = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 }

function answerTo({ path, body }: Received): unknown {
  const { model } = body
  if (path.endsWith('/embeddings')) {
    return {
      object: 'list',
      model,
      data: [{ object: 'embedding', index: 0, embedding: [0.6, 0.8] }],
      usage: { prompt_tokens: 2, total_tokens: 2 },
    }
  }
  if (path.endsWith('/messages')) {
    const usage = { input_tokens: 11, output_tokens: 7 }
    return {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model,
      content: [{ type: 'text', text: spoken(body) }],
      stop_reason: 'end_turn',
      usage,
    }
  }
  if (path.endsWith('/responses')) {
    const content = [{ type: 'output_text', text: 'fine', annotations: [] }]
    return {
      id: 'resp_1',
      object: 'response',
      model,
      status: 'completed',
      output: [{ type: 'message', id: 'm', role: 'assistant', status: 'completed', content }],
      usage: { input_tokens: 11, output_tokens: 7, total_tokens: 18 },
    }
  }
  if (path.endsWith('/chat/completions')) {
    const message = body.tools
      ? {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"at":"sky"}' } }],
        }
      : { role: 'assistant', content: body.response_format ? '{"colour":"blue"}' : spoken(body) }
    const finish = body.tools ? 'tool_calls' : 'stop'
    return {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1,
      model,
      choices: [{ index: 0, message, finish_reason: finish, logprobs: null }],
      usage: USAGE,
    }
  }
  return {
    id: 'cmpl-1',
    object: 'text_completion',
    created: 1,
    model,
    choices: [{ index: 0, text: 'fine', finish_reason: 'stop', logprobs: null }],
    usage: USAGE,
  }
}

function spoken({ messages = [] }: Received['body']): string {
  const { content } = messages.at(-1) ?? { content: '' }
  return `You said: ${typeof content === 'string' ? content : JSON.stringify(content)}`
}

/** Pieces that cut characters and events in two, wherever they fall. */
function stream({ body }: Received, response: ServerResponse): void {
  const events = [...spoken(body)].map(content => chunk(body.model, { content }))
  const end = [chunk(body.model, {}, 'stop'), 'data: [DONE]\n\n']
  const bytes = Buffer.from([...events, ...end].join(''))
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const step = 37
  for (let at = 0; at < bytes.length; at += step) response.write(bytes.subarray(at, at + step))
  response.end()
}

/** One event of a chat stream. */
export function chunk(model: string, delta: unknown, finish: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason: finish }]
  return `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model, choices })}\n\n`
}
