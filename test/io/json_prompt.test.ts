import { describe, expect, test } from 'vitest'
import { NoPromptError, promptOfJson } from '../../src/io/json_prompt.ts'

const promptOf = (row: unknown, column = 'prompt') => promptOfJson(JSON.stringify(row), column)
const user = (content: unknown) => ({ role: 'user', content })

describe('the prompt', () => {
  test.each([
    ['a string under the column', { id: 1, prompt: 'hi' }, 'hi'],
    ['an empty string', { prompt: '' }, ''],
    [
      'the last user turn',
      { messages: [user('a'), { role: 'assistant', content: 'b' }, user('c'), { role: 'tool' }] },
      'c',
    ],
    [
      'text parts of the last user turn',
      {
        messages: [
          user([
            { type: 'text', text: 'a' },
            { type: 'image_url', image_url: {} },
            { type: 'text', text: 'b' },
          ]),
        ],
      },
      'a\nb',
    ],
    ['the column where there are messages too', { prompt: 'a', messages: [user('b')] }, 'a'],
  ])('is %s', (_, row, prompt) => {
    expect(promptOf(row)).toBe(prompt)
  })

  test('may stand under another key', () => {
    expect(promptOf({ question: 'why', prompt: 'no' }, 'question')).toBe('why')
  })
})

describe('a row without a prompt', () => {
  test.each([
    [{ promt: 'hi', id: 2 }, 'expected a key "prompt" or "messages", got the keys promt, id. Did you mean "promt"?'],
    [{ prompt: 3 }, 'expected prompt to be a string, got a number'],
    [{ prompt: null }, 'expected prompt to be a string, got null'],
    [{ messages: 'hi' }, 'expected messages to be an array, got a string'],
    [{ messages: [] }, 'expected a message with the role user, got none'],
    [{ messages: [null, { role: 'assistant', content: 'x' }] }, 'expected a message with the role user, got none'],
    [{ messages: [{ role: 'user' }] }, 'expected the last user message to have content, got nothing'],
    [{ messages: [user(7)] }, 'expected the last user message to have content, got a number'],
    [[1], 'expected a JSON object, got an array'],
    ['hi', 'expected a JSON object, got a string'],
    [null, 'expected a JSON object, got null'],
    [{ prompt: 'a', llmroute_model: 'x' }, 'expected no key llmroute_model, which routing adds'],
  ])('%j says why', (row, message) => {
    expect(() => promptOf(row)).toThrow(new NoPromptError(message))
  })

  test('what every object inherits is no key', () => {
    for (const name of ['constructor', 'toString', '__proto__']) {
      expect(() => promptOf({ prompt: 'hi' }, name)).toThrow(`expected a key "${name}" or "messages"`)
    }
  })

  test('bad JSON is named without its text', () => {
    expect(() => promptOfJson('{"prompt": "a secret" oops}', 'prompt')).toThrow(/^not valid JSON at position \d+$/)
    expect(() => promptOfJson('{"prompt": "a secret', 'prompt')).toThrow(/^not valid JSON( at position \d+)?$/)
  })
})
