import { expect, test } from 'vitest'
import { isContinued, keepsState, readConversation, scoredText } from '../../src/server/conversation.ts'

test('what stands beside the turns is one of them, whatever it is called', () => {
  const user = { role: 'user', text: 'hi' }
  const system = { role: 'system', text: 'Be brief.' }
  expect(readConversation({ input: 'hi', instructions: 'Be brief.' }).turns).toEqual([system, user])
  expect(
    readConversation({
      system: [{ type: 'text', text: 'Be brief.' }],
      messages: [{ role: 'user', content: 'hi' }],
    }).turns,
  ).toEqual([system, user])
  expect(readConversation({ input: 'hi', instructions: null }).turns).toEqual([user])
  expect(readConversation({ system: { a: 1 }, prompt: 'hi' }).turns).toEqual([user])
  expect(readConversation({ instructions: 'Be brief.' })).toEqual({ turns: [system], prompt: '' })
})

test('results of tools are text, and never what is scored', () => {
  const conversation = readConversation({
    instructions: 'Be brief.',
    input: [
      { role: 'user', content: 'q' },
      { type: 'function_call', name: 'f', arguments: '{}' },
      { type: 'function_call_output', output: 'r' },
      { type: 'function_call_output', output: [{ type: 'input_text', text: 's' }] },
    ],
  })
  expect(conversation.turns.map(({ role, text }) => [role, text])).toEqual([
    ['system', 'Be brief.'],
    ['user', 'q'],
    ['other', ''],
    ['other', 'r'],
    ['other', 's'],
  ])
  expect([scoredText(conversation, false), scoredText(conversation, true)]).toEqual(['q', 'q'])
})

test.each<[string, readonly object[], boolean]>([
  ['a first turn', [{ role: 'user', content: 'q' }], false],
  [
    'system and user',
    [
      { role: 'developer', content: 'd' },
      { type: 'message', role: 'user', content: 'q' },
    ],
    false,
  ],
  [
    'an answer',
    [
      { role: 'user', content: 'q' },
      { role: 'assistant', content: 'a' },
    ],
    true,
  ],
  [
    'a call',
    [
      { role: 'user', content: 'q' },
      { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
    ],
    true,
  ],
  [
    'reasoning',
    [
      { role: 'user', content: 'q' },
      { type: 'reasoning', id: 'r', summary: [] },
    ],
    true,
  ],
  [
    'a result',
    [
      { role: 'user', content: 'q' },
      { type: 'function_call_output', call_id: 'c', output: 'r' },
    ],
    true,
  ],
])('%s of the Responses API is of a conversation that goes on: %s', (_, input, is) => {
  expect(isContinued(readConversation({ input }))).toBe(is)
})

test.each<[object, boolean]>([
  [{ input: 'hi' }, false],
  [{ input: 'hi', conversation: null, previous_response_id: null, store: false, background: false }, false],
  [{ input: 'go on', conversation: 'conv_1' }, true],
  [{ input: 'go on', conversation: { id: 'conv_1' } }, true],
  [{ input: 'go on', previous_response_id: 'resp_1' }, true],
  [{ input: 'hi', store: true }, true],
  [{ input: 'hi', background: true }, true],
  [{ messages: [], container: 'container_1' }, true],
])('%j keeps state at the provider: %s', (body, is) => {
  expect(keepsState({ ...body })).toBe(is)
})
