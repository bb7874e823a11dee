import { expect, test } from 'vitest'
import { anthropicForm } from '../../src/upstream/anthropic_form.ts'
import type { ChatBody } from '../../src/upstream/upstream_types.ts'

const model = { id: 'claude', maxOutputTokens: 8192, endpoint: { baseUrl: 'http://x', name: 'claude-x' } }
const ask = (body: Record<string, unknown>, isStream = false) =>
  anthropicForm.request({ messages: [{ role: 'user', content: 'hi' }], ...body } as ChatBody, model, isStream)

test('system turns stand apart, parts and options have their names there', () => {
  expect(
    ask(
      {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'developer', content: [{ type: 'text', text: 'Be kind.' }] },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'What is this?' },
              { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0=' } },
              { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
            ],
          },
        ],
        max_completion_tokens: 10,
        temperature: 1.5,
        top_p: 0.9,
        stop: 'END',
        seed: 7,
        logprobs: true,
        user: 'u1',
      },
      true,
    ),
  ).toEqual({
    model: 'claude-x',
    max_tokens: 10,
    system: 'Be brief.\n\nBe kind.',
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0=' } },
          { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
        ],
      },
    ],
    temperature: 1,
    top_p: 0.9,
    stop_sequences: ['END'],
    metadata: { user_id: 'u1' },
    stream: true,
  })
})

test('the length of an answer is what the model can, where nobody says', () => {
  expect(ask({})).toMatchObject({ max_tokens: 8192 })
  expect(anthropicForm.request({ messages: [] }, { id: 'm' }, false)).toEqual({
    model: 'm',
    max_tokens: 4096,
    messages: [],
  })
})

test('tools, their calls and their results', () => {
  const parameters = { type: 'object', properties: { city: { type: 'string' } } }
  expect(
    ask({
      tools: [{ type: 'function', function: { name: 'weather', description: 'Of a city', parameters } }],
      tool_choice: { type: 'function', function: { name: 'weather' } },
      messages: [
        { role: 'user', content: 'Weather in Bonn and Ulm?' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            { id: 'c1', type: 'function', function: { name: 'weather', arguments: '{"city":"Bonn"}' } },
            { id: 'c2', type: 'function', function: { name: 'weather', arguments: 'not JSON' } },
          ],
        },
        { role: 'tool', tool_call_id: 'c1', content: 'rain' },
        { role: 'tool', tool_call_id: 'c2', content: [{ type: 'text', text: 'sun' }] },
        { role: 'user', content: 'Which is nicer?' },
      ],
    }),
  ).toMatchObject({
    tools: [{ name: 'weather', description: 'Of a city', input_schema: parameters }],
    tool_choice: { type: 'tool', name: 'weather' },
    messages: [
      { role: 'user' },
      {
        role: 'assistant',
        content: [
          { type: 'tool_use', id: 'c1', name: 'weather', input: { city: 'Bonn' } },
          { type: 'tool_use', id: 'c2', name: 'weather', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'c1', content: 'rain' },
          { type: 'tool_result', tool_use_id: 'c2', content: 'sun' },
          { type: 'text', text: 'Which is nicer?' },
        ],
      },
    ],
  })
})

test.each([
  ['auto', undefined, { type: 'auto' }],
  ['required', undefined, { type: 'any' }],
  ['required', false, { type: 'any', disable_parallel_tool_use: true }],
  ['none', undefined, { type: 'none' }],
  [undefined, false, { type: 'auto', disable_parallel_tool_use: true }],
  [undefined, undefined, undefined],
])('tool_choice %j, parallel %j', (tool_choice, parallel_tool_calls, expected) => {
  const tools = [{ type: 'function', function: { name: 'f' } }]
  const { tool_choice: found } = ask({ tools, tool_choice, parallel_tool_calls }) as { tool_choice?: unknown }
  expect(found).toEqual(expected)
})

test('an answer that calls a tool becomes a completion that does', () => {
  const completion = anthropicForm.read({
    id: 'msg_1',
    type: 'message',
    model: 'claude-x',
    content: [
      { type: 'thinking', thinking: 'hm' },
      { type: 'text', text: 'Let me ' },
      { type: 'text', text: 'see.' },
      { type: 'tool_use', id: 't1', name: 'weather', input: { city: 'Bonn' } },
    ],
    stop_reason: 'tool_use',
    usage: { input_tokens: 1, output_tokens: 2 },
  })
  expect(completion).toEqual({
    id: 'msg_1',
    object: 'chat.completion',
    model: 'claude-x',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: 'Let me see.',
          tool_calls: [{ id: 't1', type: 'function', function: { name: 'weather', arguments: '{"city":"Bonn"}' } }],
        },
        finish_reason: 'tool_calls',
      },
    ],
    usage: { input_tokens: 1, output_tokens: 2 },
  })
})

test.each([null, 7, [], {}, { content: 'text' }, { type: 'error', error: {} }])('%j is no answer', json => {
  expect(() => anthropicForm.read(json)).toThrow(/^(JSON without content|an error with status 200)$/)
})

test('a streamed tool call is put together, and a stream that breaks off is none', () => {
  const reader = anthropicForm.reader()
  const take = (data: unknown) => reader.take({ type: '', data: JSON.stringify(data) })
  take({ type: 'message_start', message: { id: 'm1', model: 'x', usage: { input_tokens: 5, output_tokens: 1 } } })
  take({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } })
  expect(take({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hm' } })).toBe('Hm')
  take({ type: 'content_block_start', index: 1, content_block: { type: 'tool_use', id: 't1', name: 'f', input: {} } })
  for (const partial_json of ['{"a"', ':1}']) take({ type: 'content_block_delta', index: 1, delta: { partial_json } })
  take({ type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 9 } })
  expect(() => reader.end()).toThrow('a stream that broke off')
  expect(reader.isDone()).toBe(false)
  take({ type: 'message_stop' })
  expect(reader.isDone()).toBe(true)
  expect(reader.end()).toMatchObject({
    choices: [
      {
        message: { content: 'Hm', tool_calls: [{ id: 't1', function: { name: 'f', arguments: '{"a":1}' } }] },
        finish_reason: 'tool_calls',
      },
    ],
    usage: { input_tokens: 5, output_tokens: 9 },
  })
  expect(() => take({ type: 'error', error: { type: 'overloaded_error' } })).toThrow('an error within the stream')
})

test.each([{ toString: 1 }, 'constructor', 'a new one'])('a reason to stop that nobody knows, %j, is none', reason => {
  const said = { content: [{ type: 'text', text: 'x' }], stop_reason: reason }
  expect(anthropicForm.read(said)).toMatchObject({ choices: [{ finish_reason: 'stop' }] })
})
