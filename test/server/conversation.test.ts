import { describe, expect, test } from 'vitest'
import {
  conversationKey,
  isContinued,
  keepsState,
  readConversation,
  scoredText,
  userOf,
} from '../../src/server/conversation.ts'

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

test('of turns in which a user sends results of tools or images alone, none is scored', () => {
  const result = { type: 'tool_result', tool_use_id: 't', content: 'r' }
  const agent = [
    { role: 'user', content: 'q' },
    { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'f', input: {} }] },
    { role: 'user', content: [result] },
  ]
  expect(readConversation({ messages: agent }).prompt).toBe('q')
  const reminded = [...agent, { role: 'user', content: [result, { type: 'text', text: 's' }] }]
  expect(readConversation({ messages: reminded }).prompt).toBe('s')
  expect(readConversation({ messages: [{ role: 'user', content: [result] }] }).prompt).toBe('')
})

/** The key of `auto` for nobody's key. */
const keyOf = (body: Record<string, unknown>) => conversationKey('auto', readConversation(body), '', body)
const said = (content: unknown, role = 'user') => ({ role, content })

describe('the key of a conversation', () => {
  test.each([['user'], ['prompt_cache_key'], ['safety_identifier']])('tells users apart by %s', name => {
    const messages = [said('hello')]
    const [ann, bob] = ['ann', 'bob'].map(user => keyOf({ messages, [name]: user }))
    expect(ann).not.toBe(bob)
    expect(keyOf({ messages: [...messages, said('Hi.', 'assistant'), said('more')], [name]: 'ann' })).toBe(ann)
  })

  test('tells users apart as Anthropic names them', () => {
    const [ann, bob] = ['ann', 'bob'].map(user_id => keyOf({ messages: [said('hello')], metadata: { user_id } }))
    expect(ann).not.toBe(bob)
  })

  test('is of the image where that is all that its first turn says, whatever is marked for a cache later', () => {
    const image = (data: string, more: object = {}) => [
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'x'.repeat(20_000) + data }, ...more },
    ]
    const one = keyOf({ messages: [said(image('one', { cache_control: { type: 'ephemeral' } }))] })
    expect(one).not.toBe(keyOf({ messages: [said(image('other'))] }))
    const going = [said('Be brief.', 'system'), said(image('one')), said('A cat.', 'assistant'), said('What colour?')]
    expect(keyOf({ messages: going })).toBe(one)
    const url = (name: string) => [{ type: 'input_image', image_url: `https://images.example/${name}` }]
    expect(keyOf({ input: [said(url('a'))] })).not.toBe(keyOf({ input: [said(url('b'))] }))
  })
})

test.each<[object, string | undefined]>([
  [{ user: 'ann', safety_identifier: 'bob', metadata: { user_id: 'cid' } }, 'ann'],
  [{ safety_identifier: 'bob', metadata: { user_id: 'cid' } }, 'bob'],
  [{ user: '', metadata: { user_id: 'cid' } }, 'cid'],
  [{ user: 5, safety_identifier: null, metadata: null }, undefined],
  [{ metadata: { user_id: null } }, undefined],
])('the user of %j is %s', (body, user) => {
  expect(userOf({ ...body })).toBe(user)
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

test.each<[string, object, boolean]>([
  ['/responses', { conversation: null, previous_response_id: null, store: false, background: false }, false],
  ['/responses', { conversation: 'conv_1', store: false }, true],
  ['/responses', { conversation: { id: 'conv_1' }, store: false }, true],
  ['/responses', { previous_response_id: 'resp_1', store: false }, true],
  ['/responses', { background: true, store: false }, true],
  ['/responses', { store: true }, true],
  ['/responses', { store: null }, true],
  ['/responses', {}, true],
  ['/chat/completions', { store: true }, true],
  ['/chat/completions', { store: null }, false],
  ['/chat/completions', {}, false],
  ['/messages', { container: 'container_1' }, true],
])('%s %j keeps state at the provider: %s', (path, body, is) => {
  expect(keepsState(path, { ...body })).toBe(is)
})

test('ids of tokens are one turn, however many there are', () => {
  for (const prompt of [
    [1, 2, 3],
    [[1, 2], [3]],
  ]) {
    expect(readConversation({ prompt }).turns).toEqual([{ role: 'user', text: '' }])
  }
})
