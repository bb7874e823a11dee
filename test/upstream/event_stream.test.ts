import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createEventParser, type StreamEvent } from '../../src/upstream/event_stream.ts'

function parse(...pieces: (string | Uint8Array)[]): StreamEvent[] {
  const parser = createEventParser()
  const events = pieces.flatMap(piece => parser.push(Buffer.from(piece as string)))
  return [...events, ...parser.end()]
}

const data = (...texts: string[]) => texts.map(text => ({ type: '', data: text }))

test.each([
  ['data: a\n\ndata: b\n\n', data('a', 'b')],
  ['data: a\r\n\r\ndata: b\r\n\r\n', data('a', 'b')],
  ['data: a\r\rdata: b\r\r', data('a', 'b')],
  ['\ufeffdata: a\n\n', data('a')],
  ['data:a\ndata:  b\n\n', data('a\n b')],
  [': comment\n\nid: 7\nretry: 10\n\ndata: a\n\n', data('a')],
  ['event: ping\ndata: {}\n\n', [{ type: 'ping', data: '{}' }]],
  ['event: ping\n\ndata: a\n\n', data('a')],
  ['data\n\n', data('')],
  ['data: [DONE]', data('[DONE]')],
  ['data: a\n', data('a')],
  ['', []],
])('%j', (text, events) => {
  expect(parse(text)).toEqual(events)
})

test('pieces may end anywhere, within characters and within CRLF', () => {
  const whole = Buffer.from(
    'event: é\r\ndata: Grüße\r\ndata: 世界 🌍\r\n\r\n: x\r\n\r\ndata: {"a":"\\u00e9"}\n\ndata: z\r\rdata: [DONE]\n\n',
  )
  const expected = parse(whole)
  expect(expected).toHaveLength(4)
  for (let cut = 0; cut <= whole.length; cut++) {
    expect(parse(whole.subarray(0, cut), whole.subarray(cut))).toEqual(expected)
  }
  expect(parse(...Array.from(whole, byte => Uint8Array.of(byte)))).toEqual(expected)
})

test('any texts come through, however they are cut', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.integer({ min: 1, max: 9 }), (texts, size) => {
      const lines = texts.map(text => text.replace(/[\r\n]/g, ' '))
      const bytes = Buffer.from(lines.map(text => `data: ${text}\n\n`).join(''))
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      )
      expect(parse(...pieces)).toEqual(data(...lines))
    }),
  )
})

test('a line of a million pieces takes time in proportion', () => {
  const parser = createEventParser()
  const started = performance.now()
  for (let i = 0; i < 100_000; i++) parser.push(Buffer.from('aaaaaaaaaa'))
  expect(performance.now() - started).toBeLessThan(5000)
})
