import type { Model } from '../types.ts'
import { AttemptFailure } from './attempt_failure.ts'
import type { ChatForm, Choice, Completion, CompletionReader } from './chat_form.ts'
import { parseJson } from './json.ts'
import type { ChatBody } from './upstream_types.ts'

/** `/chat/completions` as OpenAI has it; the request goes as it is, with the model's name there. */
export const openaiForm: ChatForm = {
  path: '/chat/completions',
  request: ({ stream: _, ...body }: ChatBody, model: Model, isStream) => ({
    ...body,
    model: model.endpoint?.name ?? model.id,
    ...(isStream ? { stream: true, stream_options: body.stream_options ?? { include_usage: true } } : {}),
  }),
  read(json) {
    const { choices, error } = (json ?? {}) as { choices?: unknown; error?: unknown }
    if (error) throw new AttemptFailure('an error with status 200', 'passing')
    if (!Array.isArray(choices)) throw new AttemptFailure('JSON without choices', 'passing')
    if (choices.length === 0) throw new AttemptFailure('no choices', 'passing')
    if (!choices.every(choice => typeof choice?.message === 'object' && choice.message !== null)) {
      throw new AttemptFailure('a choice without a message', 'passing')
    }
    return json as Completion
  },
  reader: createReader,
}

/** Fields of a delta whose pieces are put together. */
const TEXTS = ['content', 'refusal', 'reasoning_content', 'reasoning']

interface OpenChoice {
  readonly message: Record<string, unknown>
  readonly calls: Map<number, Record<string, unknown>>
  finishReason: string | null
}

function createReader(): CompletionReader {
  const choices = new Map<number, OpenChoice>()
  let head: Record<string, unknown> = {}
  let usage: unknown
  let isDone = false
  return {
    isDone: () => isDone,
    take({ data }) {
      if (data === '[DONE]') {
        isDone = true
        return ''
      }
      const chunk = parse(data)
      if (chunk.error) throw new AttemptFailure('an error within the stream', 'passing')
      if (Object.keys(head).length === 0) head = { id: chunk.id, created: chunk.created, model: chunk.model }
      if (chunk.usage) usage = chunk.usage
      let text = ''
      for (const { index = 0, delta, finish_reason } of objectsOf<ChunkChoice>(chunk.choices)) {
        if (!Number.isInteger(index)) continue
        const choice: OpenChoice = choices.get(index) ?? {
          message: { role: 'assistant', content: null },
          calls: new Map(),
          finishReason: null,
        }
        choices.set(index, choice)
        if (typeof finish_reason === 'string') choice.finishReason = finish_reason
        for (const field of TEXTS) {
          const piece = delta?.[field]
          if (typeof piece !== 'string') continue
          choice.message[field] = `${choice.message[field] ?? ''}${piece}`
          if (field === 'content' && index === 0) text += piece
        }
        for (const call of objectsOf(delta?.tool_calls)) addCall(choice.calls, call)
      }
      return text
    },
    end() {
      const all = [...choices].sort(([a], [b]) => a - b)
      if (all.length === 0) throw new AttemptFailure('a stream without choices', 'passing')
      if (all.some(([, { finishReason }]) => finishReason === null)) {
        throw new AttemptFailure('a stream that broke off', 'passing')
      }
      return {
        ...head,
        object: 'chat.completion',
        choices: all.map(
          ([index, { message, calls, finishReason }]): Choice => ({
            index,
            message: calls.size > 0 ? { ...message, tool_calls: [...calls.values()] } : message,
            finish_reason: finishReason,
          }),
        ),
        ...(usage ? { usage } : {}),
      }
    },
  }
}

interface Chunk {
  readonly id?: unknown
  readonly created?: unknown
  readonly model?: unknown
  readonly error?: unknown
  readonly usage?: unknown
  readonly choices?: unknown
}

interface ChunkChoice {
  readonly index?: number
  readonly delta?: Readonly<Record<string, unknown>> | null
  readonly finish_reason?: unknown
}

function parse(data: string): Chunk {
  const chunk = parseJson(data)
  if (typeof chunk === 'object' && chunk !== null) return chunk
  throw new AttemptFailure('an event that is not JSON', 'passing')
}

/** Nothing but its objects, where it is a list. */
function objectsOf<T extends object>(list: unknown): readonly T[] {
  return Array.isArray(list) ? list.filter(item => typeof item === 'object' && item !== null) : []
}

/** Pieces of one call have one index; only its arguments come in pieces. */
function addCall(
  calls: Map<number, Record<string, unknown>>,
  piece: { index?: unknown; id?: unknown; type?: unknown; function?: { name?: unknown; arguments?: unknown } },
) {
  const index = typeof piece?.index === 'number' ? piece.index : calls.size
  const call = calls.get(index) ?? {
    id: piece.id,
    type: piece.type ?? 'function',
    function: { name: '', arguments: '' },
  }
  calls.set(index, call)
  const of = call.function as { name: string; arguments: string }
  if (typeof piece.function?.name === 'string') of.name += piece.function.name
  if (typeof piece.function?.arguments === 'string') of.arguments += piece.function.arguments
}
