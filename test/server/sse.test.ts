import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createStreamWatcher } from '../../src/server/sse.ts'

const chunk = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
const STREAM = [
  chunk({ choices: [{ delta: { content: 'grüß ' } }] }),
  chunk({ choices: [{ delta: { content: '😀' } }] }),
  chunk({ choices: [{ delta: {}, finish_reason: 'stop' }] }),
  chunk({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } }),
  'data: [DONE]\n\n',
].join('')

test('figures are the same however the bytes are cut', () => {
  const bytes = Buffer.from(STREAM)
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 20 }), cuts => {
      const watcher = createStreamWatcher()
      const places = [0, ...cuts.sort((a, b) => a - b), bytes.length]
      for (let i = 1; i < places.length; i++) watcher.see(bytes.subarray(places[i - 1], places[i]))
      expect(watcher.figures()).toEqual({
        usage: { prompt_tokens: 3, completion_tokens: 2 },
        writtenBytes: 11,
      })
    }),
  )
})

test('CRLF, the Responses form and Anthropic’s', () => {
  const responses = createStreamWatcher()
  responses.see(Buffer.from('event: x\r\ndata: {"type":"response.output_text.delta","delta":"abc"}\r\n\r\n'))
  responses.see(
    Buffer.from(
      'data: {"type":"response.completed","response":{"usage":{"input_tokens":1,"output_tokens":2}}}\r\n\r\n',
    ),
  )
  expect(responses.figures()).toEqual({
    usage: { input_tokens: 1, output_tokens: 2 },
    writtenBytes: 3,
  })
  const messages = createStreamWatcher()
  messages.see(Buffer.from('data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"ab"}}\n\n'))
  expect(messages.figures()).toMatchObject({ writtenBytes: 2 })
})
