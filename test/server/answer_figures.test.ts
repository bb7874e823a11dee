import { expect, test } from 'vitest'
import { needsOf } from '../../src/routing/needs.ts'
import { abandonedFigures, answerFigures, unseenTokens } from '../../src/server/answer_figures.ts'
import { createStreamWatcher } from '../../src/server/sse.ts'

const model = { id: 'm', inputPrice: 1, outputPrice: 1 }
const REQUEST = { prompt: '' }
const LONG = 'x'.repeat(5000)

/** Output tokens of an answer without usage, whole and streamed. */
function tokensOf(json: unknown, events: readonly unknown[]): readonly (number | undefined)[] {
  const answer = { status: 200, model, isCached: false }
  const watcher = createStreamWatcher()
  for (const event of events) watcher.see(Buffer.from(`data: ${JSON.stringify(event)}\n\n`))
  return [
    answerFigures({ ...answer, json }, REQUEST, undefined, 'whole'),
    answerFigures(answer, REQUEST, watcher, 'whole'),
  ].map(({ usage }) => usage?.outputTokens)
}

const chat = (said: object): [unknown, unknown] => [
  { choices: [{ index: 0, message: said }] },
  [{ choices: [{ index: 0, delta: said }] }],
]
const call = { id: 'call_1', type: 'function', function: { name: 'look', arguments: LONG } }

test.each<[string, unknown, unknown]>([
  ['text', ...chat({ role: 'assistant', content: LONG })],
  ['text in parts', ...chat({ content: [{ type: 'text', text: LONG }] })],
  ['calls of tools', ...chat({ content: null, tool_calls: [call] })],
  ['a call in the old form', ...chat({ function_call: { name: 'look', arguments: LONG } })],
  ['reasoning', ...chat({ reasoning_content: LONG })],
  ['reasoning under its other name', ...chat({ reasoning: LONG })],
  ['reasoning under both names', ...chat({ reasoning: LONG, reasoning_content: LONG })],
  ['a refusal', ...chat({ refusal: LONG })],
  ['Completions', { choices: [{ text: LONG }] }, [{ choices: [{ text: LONG }] }]],
  [
    'Responses: text',
    { output: [{ type: 'message', id: 'm', content: [{ type: 'output_text', text: LONG }] }] },
    [
      { type: 'response.output_text.delta', delta: LONG },
      { type: 'response.output_text.done', text: LONG },
    ],
  ],
  [
    'Responses: a call, and its reasoning',
    {
      output: [
        { type: 'reasoning', summary: [{ type: 'summary_text', text: LONG.slice(4000) }] },
        { type: 'function_call', name: 'look', arguments: LONG.slice(1000) },
      ],
    },
    [
      { type: 'response.reasoning_summary_text.delta', delta: LONG.slice(4000) },
      { type: 'response.function_call_arguments.delta', delta: LONG.slice(1000) },
      { type: 'response.function_call_arguments.done', arguments: LONG.slice(1000) },
    ],
  ],
  [
    "Anthropic's thinking, text and input of a tool",
    {
      content: [
        { type: 'thinking', thinking: LONG.slice(4000), signature: 'sig' },
        { type: 'text', text: LONG.slice(4000) },
        { type: 'tool_use', id: 't', name: 'look', input: { at: LONG.slice(2009) } },
      ],
    },
    [
      { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: LONG.slice(4000) } },
      { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'sig' } },
      { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: LONG.slice(4000) } },
      { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: LONG.slice(2000) } },
      { type: 'message_delta', delta: { stop_reason: 'tool_use' } },
    ],
  ],
])('%s: what a model wrote counts alike, whole and streamed', (_, json, events) => {
  expect(tokensOf(json, events as unknown[])).toEqual([1250, 1250])
})

test('what a chunk repeats of those before it counts once', () => {
  const events = ['a'.repeat(8), 'aa'].map(content => ({
    choices: [{ delta: { content }, message: { content: LONG } }],
  }))
  expect(tokensOf({}, events)).toEqual([0, 3])
})

test('of other scripts than English a token has fewer characters', () => {
  const [json, events] = chat({ content: '漢'.repeat(400) })
  expect(tokensOf(json, events as unknown[])).toEqual([300, 300])
})

/** Input tokens of a request whose answer does not say. */
function inputTokensOf(body: Readonly<Record<string, unknown>>, text = ''): number | undefined {
  const request = { prompt: '', turns: [{ role: 'user', text }], needs: needsOf(body) }
  return answerFigures({ status: 200, model, isCached: false, json: {} }, request, undefined, 'whole').usage
    ?.inputTokens
}

test('of a request the tools, calls and images count beside the text, by its bytes', () => {
  expect(inputTokensOf({}, 'x'.repeat(400))).toBe(100)
  expect(inputTokensOf({}, '漢字'.repeat(200))).toBe(300)
  const tools = [{ type: 'function', function: { name: 'look', description: 'word '.repeat(1200) } }]
  expect(inputTokensOf({ tools }, 'hi')).toBeGreaterThan(2000)
  expect(inputTokensOf({ messages: [{ role: 'assistant', content: null, tool_calls: [call] }] })).toBeGreaterThan(1600)
  const image = { type: 'image_url', image_url: { url: 'u' } }
  expect(inputTokensOf({ messages: [{ role: 'user', content: [image] }] }, 'hi')).toBe(766)
})

test('of usage that says one of the two, the other is estimated', () => {
  const json = { choices: [{ message: { content: 'x'.repeat(40) } }], usage: { prompt_tokens: 7 } }
  expect(
    answerFigures({ status: 200, model, isCached: false, json }, { prompt: 'x'.repeat(360) }, undefined, 'whole'),
  ).toEqual({
    usage: { inputTokens: 7, outputTokens: 10, isEstimated: true },
    cost: 17 / 1e6,
  })
})

test('what a stream that broke off said of its output is what it began with; of its input and cache it counts', () => {
  const watcher = createStreamWatcher()
  const usage = { input_tokens: 3, cache_read_input_tokens: 4, output_tokens: 1 }
  for (const event of [{ message: { usage } }, { delta: { type: 'text_delta', text: 'x'.repeat(40) } }]) {
    watcher.see(Buffer.from(`data: ${JSON.stringify(event)}\n\n`))
  }
  expect(answerFigures({ status: 200, model, isCached: false }, REQUEST, watcher, 'cut').usage).toEqual({
    inputTokens: 7,
    outputTokens: 10,
    cachedInputTokens: 4,
    isEstimated: true,
  })
})

test.each<[string, boolean, object, number | undefined]>([
  ['asked for in the background', true, {}, 300],
  ['queued', false, { status: 'queued' }, 300],
  ['in progress', false, { status: 'in_progress' }, 300],
  ['completed', false, { status: 'completed' }, undefined],
])('a response that is %s comes to the longest answer that is allowed: %s %j', (_, isBackground, json, expected) => {
  const request = { prompt: '', needs: { outputTokens: 300 } }
  expect(unseenTokens(isBackground, json, model, request, undefined)).toBe(expected)
})

test('what nobody sees of an answer counts unless it says its own; it is never without end', () => {
  const request = { prompt: '', needs: { outputTokens: Number.MAX_VALUE } }
  const unseen = unseenTokens(true, undefined, model, request, undefined)
  const tokens = (json: object) =>
    answerFigures({ status: 200, model, isCached: false, json }, request, undefined, 'whole', unseen).usage
  expect(tokens({ usage: null })).toEqual({ inputTokens: 0, outputTokens: 1e8, isEstimated: true })
  expect(tokens({ usage: { input_tokens: 2, output_tokens: 3 } })).toMatchObject({
    outputTokens: 3,
    isEstimated: false,
  })
  expect(abandonedFigures(model, request, unseen)).toMatchObject({ usage: { outputTokens: 1e8 }, cost: 100 })
  expect(abandonedFigures(model, request)).toMatchObject({ usage: { outputTokens: 0 }, cost: 0 })
})

test('of a stream that was made of an answer, what the answer says counts', () => {
  const watcher = createStreamWatcher()
  watcher.see(Buffer.from('data: {"choices":[{"delta":{"content":"hi"}}]}\n\n'))
  const json = { choices: [{ message: { content: 'hi' } }], usage: { prompt_tokens: 8, completion_tokens: 5000 } }
  expect(answerFigures({ status: 200, model, isCached: false, json }, REQUEST, watcher, 'whole').usage).toEqual({
    inputTokens: 8,
    outputTokens: 5000,
    isEstimated: false,
  })
})
