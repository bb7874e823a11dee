import { expect, test } from 'vitest'
import type { Completion } from '../../src/upstream/chat_form.ts'
import { eventsOf, includesUsage } from '../../src/upstream/completion_events.ts'
import { createEventParser } from '../../src/upstream/event_stream.ts'
import { openaiForm } from '../../src/upstream/openai_form.ts'

const call = (id: string) => ({ id, type: 'function', function: { name: 'look', arguments: '{"at":"sky"}' } })
const COMPLETION: Completion = {
  ...{ id: 'c', object: 'chat.completion', created: 1, model: 'm' },
  choices: [
    { index: 0, message: { role: 'assistant', content: 'grüße 😀' }, finish_reason: 'length' },
    {
      index: 1,
      message: { role: 'assistant', content: null, tool_calls: [call('1'), call('2')] },
      finish_reason: 'tool_calls',
    },
  ],
  usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
}

test('a stream that is put together again is the answer', () => {
  const parser = createEventParser()
  const reader = openaiForm.reader()
  for (const event of parser.push(Buffer.from(eventsOf(COMPLETION, true)))) reader.take(event)
  expect(reader.isDone()).toBe(true)
  expect(reader.end()).toEqual(COMPLETION)
})

test('tokens are told only where they were asked for, null in all chunks but the last', () => {
  const chunks = eventsOf(COMPLETION, true)
    .split('\n\n')
    .filter(event => event.startsWith('data: {'))
    .map(event => JSON.parse(event.slice(6)))
  expect(chunks.map(({ choices, usage, object }) => [choices.length, usage, object])).toEqual([
    ...Array(4).fill([1, null, 'chat.completion.chunk']),
    [0, COMPLETION.usage, 'chat.completion.chunk'],
  ])
  expect(eventsOf(COMPLETION, false)).not.toContain('usage')
})

test.each([
  [{ stream_options: { include_usage: true } }, true],
  [{ stream_options: { include_usage: false } }, false],
  [{ stream_options: null }, false],
  [{ stream_options: 'x' }, false],
  [{}, false],
])('%j', (body, is) => {
  expect(includesUsage(body)).toBe(is)
})
