import { anthropicRequest } from './anthropic_request.ts'
import { AttemptFailure } from './attempt_failure.ts'
import type { ChatForm, Completion, CompletionReader } from './chat_form.ts'
import { parseJson } from './json.ts'

/** `/v1/messages` as Anthropic has it, made from a chat request, and its answer made a completion. */
export const anthropicForm: ChatForm = {
  path: '/messages',
  request: anthropicRequest,
  read(json) {
    const message = (json ?? {}) as Message
    if (message.type === 'error' || !Array.isArray(message.content)) {
      throw new AttemptFailure(
        message.type === 'error' ? 'an error with status 200' : 'JSON without content',
        'passing',
      )
    }
    return completionOf(
      message,
      message.content.filter(block => typeof block === 'object' && block !== null),
    )
  },
  reader: createReader,
}

interface Block {
  readonly type?: unknown
  text?: string
  readonly id?: unknown
  readonly name?: unknown
  readonly input?: unknown
  /** Of a streamed tool call, as it comes. */
  json?: string
}

interface Message {
  readonly type?: unknown
  readonly id?: unknown
  readonly model?: unknown
  readonly content?: Block[]
  readonly stop_reason?: unknown
  readonly usage?: Readonly<Record<string, unknown>>
}

const FINISH_REASONS: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
}

/** Blocks of text become one; what is thought is left out. `usage` stays as Anthropic counts, which `readUsage` knows. */
function completionOf({ id, model, stop_reason, usage }: Message, blocks: readonly Block[]): Completion {
  const texts = blocks.filter(({ type }) => type === 'text').map(({ text = '' }) => text)
  const calls = blocks
    .filter(({ type }) => type === 'tool_use')
    .map(({ id, name, input, json }) => ({
      id,
      type: 'function',
      function: { name, arguments: json || JSON.stringify(input ?? {}) },
    }))
  const message = { role: 'assistant', content: texts.length > 0 ? texts.join('') : null }
  return {
    id,
    object: 'chat.completion',
    model,
    choices: [
      {
        index: 0,
        message: calls.length > 0 ? { ...message, tool_calls: calls } : message,
        finish_reason: finishReasonOf(stop_reason),
      },
    ],
    ...(usage ? { usage } : {}),
  }
}

function finishReasonOf(reason: unknown): string {
  return typeof reason === 'string' && Object.hasOwn(FINISH_REASONS, reason) ? FINISH_REASONS[reason]! : 'stop'
}

interface Piece {
  readonly type?: unknown
  readonly index?: number
  readonly message?: Message
  readonly content_block?: Block
  readonly delta?: { type?: unknown; text?: unknown; partial_json?: unknown; stop_reason?: unknown }
  readonly usage?: Readonly<Record<string, unknown>>
}

function createReader(): CompletionReader {
  const blocks = new Map<number, Block>()
  let message: Message = {}
  let isWhole = false
  return {
    isDone: () => isWhole,
    take({ data }) {
      const piece = parseJson(data) as Piece | null | undefined
      if (piece === undefined) throw new AttemptFailure('an event that is not JSON', 'passing')
      const { type, index = 0, delta } = piece ?? {}
      if (type === 'error') throw new AttemptFailure('an error within the stream', 'passing')
      if (type === 'message_start') message = piece?.message ?? {}
      if (type === 'message_stop') isWhole = true
      if (type === 'message_delta') {
        message = { ...message, stop_reason: delta?.stop_reason, usage: { ...message.usage, ...piece?.usage } }
      }
      if (type === 'content_block_start' && piece?.content_block) blocks.set(index, { ...piece.content_block })
      const block = blocks.get(index)
      if (type !== 'content_block_delta' || !block) return ''
      if (typeof delta?.partial_json === 'string') block.json = `${block.json ?? ''}${delta.partial_json}`
      if (typeof delta?.text !== 'string') return ''
      block.text = `${block.text ?? ''}${delta.text}`
      return delta.text
    },
    end() {
      if (!isWhole) throw new AttemptFailure('a stream that broke off', 'passing')
      return completionOf(message, [...blocks.values()])
    },
  }
}
