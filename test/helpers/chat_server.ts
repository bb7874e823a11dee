import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CausalModel, ChatMessage } from '../../src/model_types.ts'

interface Token {
  readonly token: string
  readonly logprob: number
}

/** How the model's tokenizer writes a label. */
export type Spelling = 'whole' | 'split' | 'talkative'

export interface ChatServer {
  /** Base URL with the name of the model, as `--checkpoint` has it. */
  readonly address: string
  readonly requests: { readonly body: Record<string, unknown>; readonly key: string; readonly url: string }[]
  /** Most requests that were under way at a time. */
  most(): number
  /** Answers of the next requests, before it answers as it should. */
  readonly failures: { status: number; headers?: Record<string, string>; body?: string; isSilent?: boolean }[]
  /** How the next answers write the label. */
  spelling: Spelling
  close(): Promise<void>
}

const LABELS = ['[[1]]', '[[2]]', '[[3]]', '[[4]]', '[[5]]']

/** A server on this machine that answers `/v1/chat/completions` as vLLM does, with what `model` computes for the messages. */
export async function startChatServer(model: CausalModel): Promise<ChatServer> {
  let [running, most] = [0, 0]
  const requests: ChatServer['requests'] = []
  const failures: ChatServer['failures'] = []
  const server = createServer(async (request, response) => {
    most = Math.max(most, ++running)
    response.on('close', () => running--)
    const body = JSON.parse(await textOf(request))
    requests.push({ body, key: request.headers.authorization ?? '', url: request.url ?? '' })
    const failure = failures.shift()
    if (failure?.isSilent) return
    if (failure || request.url !== '/v1/chat/completions') {
      response.writeHead(failure?.status ?? 404, failure?.headers).end(failure?.body ?? '')
      return
    }
    const [system, user] = body.messages as [ChatMessage, ChatMessage]
    const logits = await model.labelLogits([user.content], content => [system, { role: 'user', content }], LABELS)
    const content = tokensOf(logprobsOf(logits), chat.spelling).slice(0, body.max_tokens)
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({
        object: 'chat.completion',
        model: body.model,
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: content.map(({ token }) => token).join('') },
            logprobs: body.logprobs ? { content } : null,
            finish_reason: 'stop',
          },
        ],
      }),
    )
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const chat: ChatServer = {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1#tiny/causal`,
    requests,
    failures,
    most: () => most,
    spelling: 'whole',
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return chat
}

/** Log probabilities of the labels where a tenth of the probability is that of other tokens. */
function logprobsOf(logits: Float32Array): number[] {
  const most = Math.max(...logits)
  const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0)) + most
  return Array.from(logits, logit => logit - total + Math.log(0.9))
}

function tokensOf(logprobs: readonly number[], spelling: Spelling) {
  const best = logprobs.indexOf(Math.max(...logprobs))
  const sure = (token: string) => ({ token, logprob: 0, top_logprobs: [{ token, logprob: 0 }] })
  const place = (tokens: readonly string[]) => {
    const candidates: Token[] = tokens.map((token, k) => ({ token, logprob: logprobs[k]! }))
    const others = ['I', 'The', '0'].map(token => ({ token, logprob: Math.log(0.1 / 3) }))
    return { ...candidates[best]!, top_logprobs: [...candidates, ...others].sort((a, b) => b.logprob - a.logprob) }
  }
  if (spelling === 'whole') return [place(LABELS), sure('<|eot_id|>')]
  const digits = place(['1', '2', '3', '4', '5'])
  if (spelling === 'split') return [sure('[['), digits, sure(']]')]
  return [sure('Out'), sure(' of'), sure(' '), sure('1'), sure('0'), sure(':'), sure(' [['), digits, sure(']]')]
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
