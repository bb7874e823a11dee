import type { Model } from '../types.ts'
import type { ChatBody } from './upstream_types.ts'

/** `/v1/messages` must be told; this where neither the request nor the model says. */
const MOST_TOKENS = 4096

type Fields = Readonly<Record<string, unknown>>

/** A chat request in Anthropic's form. What that form has no place for (`logprobs`, `seed`, `n` …) is left out. */
export function anthropicRequest(body: ChatBody, model: Model, isStream: boolean): Fields {
  const messages = body.messages as readonly Fields[]
  const system = messages.filter(isSystem).map(({ content }) => plainText(content))
  const turns = merged(messages.filter(message => !isSystem(message)).map(turnOf))
  const tools = listOf(body.tools).map(toolOf)
  return withoutUndefined({
    model: model.endpoint?.name ?? model.id,
    max_tokens: body.max_completion_tokens ?? body.max_tokens ?? model.maxOutputTokens ?? MOST_TOKENS,
    system: system.length > 0 ? system.join('\n\n') : undefined,
    messages: turns,
    tools: tools.length > 0 ? tools : undefined,
    tool_choice: tools.length > 0 ? toolChoiceOf(body) : undefined,
    // OpenAI's temperature goes to 2, Anthropic's to 1.
    temperature: typeof body.temperature === 'number' ? Math.min(1, body.temperature) : undefined,
    top_p: body.top_p,
    stop_sequences: typeof body.stop === 'string' ? [body.stop] : body.stop,
    metadata: typeof body.user === 'string' ? { user_id: body.user } : undefined,
    stream: isStream || undefined,
  })
}

function isSystem({ role }: Fields): boolean {
  return role === 'system' || role === 'developer'
}

interface Turn {
  readonly role: 'user' | 'assistant'
  readonly content: readonly Fields[]
}

function turnOf({ role, content, tool_calls, tool_call_id }: Fields): Turn {
  if (role === 'tool') {
    return { role: 'user', content: [{ type: 'tool_result', tool_use_id: tool_call_id, content: plainText(content) }] }
  }
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : listOf(content).map(blockOf)
  if (role !== 'assistant') return { role: 'user', content: blocks }
  const calls = listOf(tool_calls).map(call => {
    const { name, arguments: given } = (call.function ?? {}) as Fields
    return { type: 'tool_use', id: call.id, name, input: objectOf(given) }
  })
  // An empty text block is refused.
  return { role: 'assistant', content: [...blocks.filter(block => block.text !== ''), ...calls] }
}

/** Anthropic wants turns to alternate: what follows of the same role, such as several tool results, becomes one. */
function merged(turns: readonly Turn[]): Turn[] {
  const result: Turn[] = []
  for (const turn of turns) {
    const last = result.at(-1)
    if (last?.role === turn.role) result[result.length - 1] = { ...last, content: [...last.content, ...turn.content] }
    else result.push(turn)
  }
  return result
}

function blockOf(part: Fields): Fields {
  if (part.type !== 'image_url') return { type: 'text', text: part.text ?? '' }
  const { url = '' } = (part.image_url ?? {}) as { url?: string }
  const data = /^data:([^;,]+);base64,(.*)$/s.exec(url)
  const source = data ? { type: 'base64', media_type: data[1], data: data[2] } : { type: 'url', url }
  return { type: 'image', source }
}

function toolOf(tool: Fields): Fields {
  const { name, description, parameters = { type: 'object' } } = (tool.function ?? {}) as Fields
  return withoutUndefined({ name, description, input_schema: parameters })
}

function toolChoiceOf({ tool_choice, parallel_tool_calls }: ChatBody): Fields | undefined {
  const { function: named } = (typeof tool_choice === 'object' && tool_choice !== null ? tool_choice : {}) as {
    function?: { name?: unknown }
  }
  const one = parallel_tool_calls === false ? { disable_parallel_tool_use: true } : {}
  if (named) return { type: 'tool', name: named.name, ...one }
  if (tool_choice === 'none') return { type: 'none' }
  if (tool_choice === 'required') return { type: 'any', ...one }
  return tool_choice === 'auto' || parallel_tool_calls === false ? { type: 'auto', ...one } : undefined
}

function plainText(content: unknown): string {
  if (typeof content === 'string') return content
  return listOf(content)
    .map(part => (typeof part.text === 'string' ? part.text : ''))
    .join('')
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(item => typeof item === 'object' && item !== null) : []
}

/** Arguments of a tool come as text; what is no JSON object counts as none. */
function objectOf(text: unknown): unknown {
  try {
    const parsed: unknown = JSON.parse(String(text))
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? parsed : {}
  } catch {
    return {}
  }
}

function withoutUndefined(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
