import { expect, test } from 'vitest'
import { shownOfFailed, tellsError } from '../../src/server/model_errors.ts'

const model = { id: 'm', endpoint: { baseUrl: 'http://x', headers: { 'x-api-key': 'sk-do-not-print-me' } } }
const shown = (events: string) => Buffer.from(shownOfFailed(Buffer.from(events), model)).toString()

test.each<[string, boolean]>([
  ['{"error":{"message":"overloaded"}}', true],
  ['{"type":"error"}', true],
  ['{"choices":[{"finish_reason":"error"}]}', true],
  ['{"type":"response.failed","response":{"error":null}}', true],
  ['{"error":null,"choices":[]}', false],
  ['{"choices":[{"delta":{"content":"\\"error\\""}}]}', false],
  ['[DONE]', false],
])('of events, %s tells that the model failed: %s', (data, tells) => {
  expect(tellsError(Buffer.from(`: wait\r\n\r\ndata: ${data}\r\n\r\n`))).toBe(tells)
})

test.each(['\n', '\r\n', '\r'])(
  'a stream that failed shows neither credentials nor [DONE], lines ending in %j',
  end => {
    const [error, text] = ['{"error":"grüß sk-do-not-print-me"}', '{"x":"data: [DONE]"}']
    const [kept, blank] = [`data: ${error}${end}${end}data: ${text}${end}${end}`, `${end}${end}`]
    expect(shown(`${kept}data: [DONE]${blank}`)).toBe(kept.replace('sk-do-not-print-me', '***'))
    for (const last of ['data: [DONE]', 'data:[DONE]', `data: [DONE]${end}`, `data: [DONE]${blank}`])
      expect(shown(last)).toBe('')
  },
)
