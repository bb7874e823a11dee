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
    [
      'Responses: images, tools and their results, a JSON schema and the longest answer',
      {
        input: [
          { role: 'user', content: [{ type: 'input_image', image_url: 'A'.repeat(9000) }] },
          { type: 'function_call', name: 'f', arguments: '{}' },
          { type: 'function_call_output', output: [{ type: 'input_image', image_url: 'A'.repeat(9000) }] },
        ],
        tools: [{ type: 'function', name: 'f' }],
        text: { format: { type: 'json_schema' } },
        max_output_tokens: 9,
      },
      { outputTokens: 9, otherTokens: 2 * 765 + 17 + 11 + 8, tools: true, vision: true, jsonSchema: true },
    ],
    [
      "Anthropic's form: images in results of tools too, calls, a JSON schema",
      {
        max_tokens: 9,
        messages: [
          { role: 'user', content: [{ type: 'image', source: { data: 'A'.repeat(9000) } }] },
          { role: 'assistant', content: [{ type: 'tool_use', name: 'f', input: {} }] },
          {
            role: 'user',
            content: [
              {
                type: 'tool_result',
                content: [
                  { type: 'image', source: {} },
                  { type: 'text', text: 'x'.repeat(28) },
                ],
              },
              { type: 'tool_result', content: 'x'.repeat(28) },
            ],
          },
        ],
        tools: [{ name: 'f' }],
        output_config: { format: { type: 'json_schema' } },
      },
      { outputTokens: 9, otherTokens: 2 * 765 + 14 + 2 * 10 + 4 + 8, tools: true, vision: true, jsonSchema: true },
    ],
    [
      'audio, video and files',
      {
        messages: [
          { role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }] },
          { role: 'user', content: [{ type: 'video_url', video_url: { url: 'u' } }] },
          { role: 'user', content: [{ type: 'file', file: { file_id: 'f' } }] },
        ],
      },
      { audio: true, video: true, files: true, otherTokens: 1500 },
    ],
    [
      'files by the text that they hold, others as a page',
      {
        input: [
          { role: 'user', content: [{ type: 'input_file', file_data: `data:text/csv;base64,${'A'.repeat(15_979)}` }] },
          {
            role: 'user',
            content: [{ type: 'input_file', file_data: `data:application/pdf;base64,${'A'.repeat(90)}` }],
          },
        ],
      },
      { files: true, otherTokens: 3000 + 1500 },
    ],
    [
      'files that are text by another name',
      {
        input: [
          'application/json',
          'application/ld+json',
          'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
        ].map(type => ({
          content: [{ type: 'input_file', file_data: `data:${type};base64,`.padEnd(16_000, 'A') }],
        })),
      },
      { files: true, otherTokens: 3000 + 3000 + 1500 },
    ],
    [
      'of answers before: a call in the old form, refusals, what only the provider reads',
      {
        messages: [
          { role: 'assistant', content: null, function_call: { name: 'f', arguments: 'x'.repeat(3973) } },
          { role: 'assistant', content: null, function_call: null, refusal: 'x'.repeat(4000) },
        ],
        input: [
          { type: 'reasoning', summary: [], encrypted_content: 'A'.repeat(4000) },
          { role: 'assistant', content: [{ type: 'refusal', refusal: 'x'.repeat(4000) }] },
        ],
      },
      { otherTokens: 1334 + 1000 + 750 + 1000 },
    ],
    [
      "of answers before, in Anthropic's form: thinking, calls and results of the provider's tools",
      {
        messages: [
          {
            role: 'assistant',
            content: [
              { type: 'thinking', thinking: 'x'.repeat(4000), signature: 'sig' },
              { type: 'server_tool_use', input: { q: 'x'.repeat(3959) } },
              {
                type: 'web_search_tool_result',
                content: [{ type: 'web_search_result', encrypted_content: 'A'.repeat(4000) }],
              },
            ],
          },
          {
            role: 'user',
            content: [
              { type: 'search_result', title: 't', source: 'u', content: [{ type: 'text', text: 'x'.repeat(28) }] },
            ],
          },
        ],
      },
      { otherTokens: 1000 + 1334 + 750 + 1 + 10 },
    ],
    [
      "Anthropic's documents of text, in results of tools too, which are no files",
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'word '.repeat(800) } },
              { type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'x'.repeat(28) }] } },
              {
                type: 'tool_result',
                content: [{ type: 'document', source: { type: 'text', data: '漢'.repeat(400) } }],
              },
            ],
          },
        ],
      },
      { otherTokens: 1000 + 10 + 1 + 300 },
    ],
    [
      'a PDF',
      { messages: [{ role: 'user', content: [{ type: 'document', source: { type: 'base64', data: 'AAAA' } }] }] },
      { files: true, otherTokens: 1500 },
    ],
    [
      'a document whose text is an object without one',
      {
        messages: [{ content: [{ type: 'document', source: { type: 'text', data: { toString: 1, valueOf: 1 } } }] }],
      },
      {},
    ],
    ['Completions: what follows', { prompt: 'x', suffix: 'word '.repeat(800) }, { otherTokens: 1000 }],
    ['ids of tokens', { prompt: [1, 2, 3] }, { otherTokens: 3 }],
    ['ids of tokens of several', { input: [[1, 2, 3], [4]] }, { otherTokens: 4 }],
    ['definitions by their bytes', { tools: [{ name: '漢字' }] }, { tools: true, otherTokens: 6 }],
    [
      'parts of another form',
      {
        messages: [
          {
            content: [
              { type: 'document', source: null },
              { type: 'file', file: 7 },
            ],
          },
        ],
      },
      { files: true, otherTokens: 3000 },
    ],
    ['no JSON schema of other text', { text: { format: { type: 'text' } }, output_config: 'x' }, {}],
    ['text of a row of data', { text: 'x', input: 'y' }, {}],
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
  expect(turnsOf({ messages: [{ role: { toString: 1 }, content: 'x' }] })).toEqual([{ role: '', text: 'x' }])
  expect(textOf(7)).toBeUndefined()
})
