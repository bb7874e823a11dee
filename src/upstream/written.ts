/** What a model writes stands under these keys, in whole answers and in pieces of streamed ones. */
const WRITTEN = new Set([
  ...['text', 'content', 'refusal', 'arguments', 'input', 'partial_json'],
  ...['reasoning_content', 'reasoning', 'thinking'],
])
const LEADING = new Set(['message', 'tool_calls', 'function', 'function_call', 'summary'])

/**
 * Bytes of UTF-8 that a model wrote in a part of its answer, calls of tools and what it says of its reasoning included: of Chat
 * Completions, Completions, Responses and Anthropic's form.
 * @param isText whether a text here is what it wrote, and no id or type.
 */
export function writtenBytes(value: unknown, isText = false): number {
  if (typeof value === 'string') return isText ? Buffer.byteLength(value) : 0
  if (typeof value !== 'object' || value === null) return 0
  let sum = 0
  if (Array.isArray(value)) {
    for (const item of value) sum += writtenBytes(item)
    return sum
  }
  const fields = value as Readonly<Record<string, unknown>>
  for (const key in fields) {
    const inner = fields[key]
    // Some endpoints say their reasoning under both names.
    if (key === 'reasoning' && typeof fields.reasoning_content === 'string') continue
    if (key === 'input' && typeof inner === 'object')
      sum += inner === null ? 0 : Buffer.byteLength(JSON.stringify(inner))
    else if (WRITTEN.has(key)) sum += writtenBytes(inner, true)
    else if (LEADING.has(key)) sum += writtenBytes(inner)
  }
  return sum
}
