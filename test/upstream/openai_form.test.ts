import { expect, test } from 'vitest'
import { textOf } from '../../src/upstream/chat_form.ts'
import { openaiForm } from '../../src/upstream/openai_form.ts'

test('a request goes as it is, but for the model and how it is streamed', () => {
  const body = { messages: [], stream: true, n: 2, anything: { at: 'all' } }
  expect(openaiForm.request(body, { id: 'm' }, false)).toEqual({
    messages: [],
    n: 2,
    anything: { at: 'all' },
    model: 'm',
  })
  const options = { include_usage: false }
  expect(openaiForm.request({ ...body, stream_options: options }, { id: 'm' }, true)).toMatchObject({
    stream: true,
    stream_options: options,
  })
})

test('a streamed answer of several choices, tool calls and reasoning is put together', () => {
  const reader = openaiForm.reader()
  const take = (...choices: unknown[]) =>
    reader.take({ type: '', data: JSON.stringify({ id: 'c', model: 'm', created: 1, choices }) })
  const delta = (index: number, delta: unknown, finish_reason: unknown = null) => ({ index, delta, finish_reason })
  expect(take(delta(0, { role: 'assistant', content: '' }))).toBe('')
  expect(take(delta(1, { content: 'other' }), delta(0, { content: 'He', reasoning_content: 'so ' }))).toBe('He')
  expect(take(delta(0, { content: 'llo', reasoning_content: 'be it' }))).toBe('llo')
  take(delta(1, { tool_calls: [{ index: 0, id: 't0', type: 'function', function: { name: 'f', arguments: '{"a"' } }] }))
  take(delta(1, { tool_calls: [{ index: 1, id: 't1', function: { name: 'g', arguments: '' } }] }))
  take(delta(1, { tool_calls: [{ index: 0, function: { arguments: ':1}' } }] }))
  take(delta(0, {}, 'stop'), delta(1, {}, 'tool_calls'))
  reader.take({ type: '', data: '{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}' })
  expect(reader.isDone()).toBe(false)
  reader.take({ type: '', data: '[DONE]' })
  expect(reader.isDone()).toBe(true)
  expect(reader.end()).toEqual({
    id: 'c',
    model: 'm',
    created: 1,
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'Hello', reasoning_content: 'so be it' },
        finish_reason: 'stop',
      },
      {
        index: 1,
        message: {
          role: 'assistant',
          content: 'other',
          tool_calls: [
            { id: 't0', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
            { id: 't1', type: 'function', function: { name: 'g', arguments: '' } },
          ],
        },
        finish_reason: 'tool_calls',
      },
    ],
    usage: { prompt_tokens: 1, completion_tokens: 2 },
  })
})

test('odd events are not taken for anything', () => {
  for (const data of [
    '{}',
    '{"choices":null}',
    '{"choices":[{"index":"x","delta":{"content":"a"}}]}',
    '{"choices":[{"delta":null}]}',
    '{"choices":[null]}',
  ]) {
    expect(openaiForm.reader().take({ type: '', data })).toBe('')
  }
  for (const data of ['', 'null', '7', '{', '[[['.repeat(1000)]) {
    expect(() => openaiForm.reader().take({ type: '', data })).toThrow('an event that is not JSON')
  }
})

test('text may come in parts, and a name of a header in JSON pollutes nothing', () => {
  const choices = [{ message: { content: [{ type: 'text', text: 'a' }, { type: 'image' }, null, { text: 'b' }] } }]
  expect(textOf(openaiForm.read({ choices }))).toBe('ab')
  openaiForm.read(JSON.parse('{"__proto__":{"polluted":1},"choices":[{"message":{"__proto__":{"polluted":1}}}]}'))
  expect({}).not.toHaveProperty('polluted')
})
