import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hash32 } from '../../src/text/hash.ts'

export interface EmbeddingsServer {
  /** Base URL, as `OPENAI_BASE_URL` has it. */
  readonly url: string
  /** What was asked, in order. */
  readonly requests: { readonly body: { model: string; input: string[]; dimensions?: number }; readonly key: string }[]
  /** Answers of the next requests, before it answers as it should. */
  readonly failures: { status: number; headers?: Record<string, string>; body?: string }[]
  close(): Promise<void>
}

/** A server on this machine that answers `/v1/embeddings` with vectors made of hashes, last input first. */
export async function startEmbeddingsServer(dimensions: number): Promise<EmbeddingsServer> {
  const requests: EmbeddingsServer['requests'] = []
  const failures: EmbeddingsServer['failures'] = []
  const server = createServer(async (request, response) => {
    const body = JSON.parse(await textOf(request))
    requests.push({ body, key: request.headers.authorization ?? '' })
    const failure = failures.shift()
    if (failure || request.url !== '/v1/embeddings') {
      response.writeHead(failure?.status ?? 404, failure?.headers).end(failure?.body ?? '')
      return
    }
    const data = body.input.map((text: string, index: number) => ({
      object: 'embedding',
      index,
      embedding: Array.from({ length: body.dimensions ?? dimensions }, (_, j) => hash32(text, j) / 2 ** 31 - 1),
    }))
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ object: 'list', model: body.model, data: data.reverse() }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    failures,
    close: () => new Promise(resolve => server.close(() => resolve())),
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
