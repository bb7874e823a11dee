import { describe, expect, test } from 'vitest'
import { needsOf, textOf, turnsOf } from '../../src/routing/needs.ts'

const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(10_000)}` } }

describe('needs of a chat request', () => {
  test.each([
    ['nothing', { messages: [{ role: 'user', content: 'hi' }] }, {}],
    ['the longest answer', { max_tokens: 5 }, { outputTokens: 5 }],
    ['its newer name first', { max_tokens: 5, max_completion_tokens: 7 }, { outputTokens: 7 }],
    ['tools, and their tokens', { tools: [{ type: 'function' }] }, { tools: true, otherTokens: 7 }],
    ['functions as tools', { functions: [{ name: 'f' }] }, { tools: true, otherTokens: 4 }],
    ['no tools where the list is empty', { tools: [] }, {}],
    [
      'images by number, not by their bytes',
      { messages: [{ role: 'user', content: [image, { type: 'text', text: 'what?' }, image] }] },
      { vision: true, otherTokens: 1530 },
    ],
    [
      'images in any turn',
      {
        messages: [
          { role: 'user', content: [image] },
          { role: 'user', content: 'b' },
        ],
      },
      { vision: true, otherTokens: 765 },
    ],
    ['a JSON schema', { response_format: { type: 'json_schema' } }, { jsonSchema: true, otherTokens: 8 }],
    ['any JSON', { response_format: { type: 'json_object' } }, {}],
    ['what has another form', { messages: 'x', tools: { a: 1 }, max_tokens: '5', response_format: 'y' }, {}],
  ])('%s', (_, body, needs) => {
    expect(needsOf(body)).toEqual(needs)
  })
})

test('turns are roles and texts', () => {
  const content = [{ type: 'text', text: 'a' }, image, { type: 'text', text: 'b' }]
  expect(
    turnsOf({
      messages: [
        { role: 'system', content: 's' },
        { role: 'user', content },
        { role: 'assistant', content: null },
      ],
    }),
  ).toEqual([
    { role: 'system', text: 's' },
    { role: 'user', text: 'a\nb' },
    { role: 'assistant', text: '' },
  ])
  expect(turnsOf({})).toEqual([])
  expect(textOf(7)).toBeUndefined()
})
