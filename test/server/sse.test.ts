import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createStreamWatcher, type StreamFigures } from '../../src/server/sse.ts'
import { createWholeEvents } from '../../src/server/whole_events.ts'

const chunk = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
const STREAM = [
  chunk({ choices: [{ delta: { content: 'grüß ' } }] }),
  chunk({ choices: [{ delta: { content: '😀' } }] }),
  chunk({ choices: [{ delta: {}, finish_reason: 'stop' }] }),
  chunk({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } }),
  'data: [DONE]\n\n',
].join('')

/** Of a stream that comes in these pieces. */
function figuresOf(pieces: Iterable<Uint8Array>): StreamFigures {
  const [events, watcher] = [createWholeEvents(), createStreamWatcher()]
  for (const piece of pieces) {
    const whole = events.take(piece)
    if (whole) watcher.see(whole)
  }
  const rest = events.rest()
  if (rest) watcher.see(rest)
  return watcher.figures()
}

test.each(['\n', '\r\n', '\r'])(
  'figures are the same however the bytes are cut, lines end (%j) and data are split',
  end => {
    const lines = STREAM.replace('"usage":', '\ndata: "usage":').trimEnd().replaceAll('\n', end)
    const bytes = Buffer.from(`\ufeff${lines}`)
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 20 }), cuts => {
        const places = [0, ...cuts.sort((a, b) => a - b), bytes.length]
        expect(figuresOf(places.map((place, i) => bytes.subarray(places[i - 1] ?? 0, place)))).toEqual({
          usage: { prompt_tokens: 3, completion_tokens: 2 },
          writtenBytes: 11,
        })
      }),
    )
  },
)

test('of a last line that has no end the figures count', () => {
  expect(figuresOf([Buffer.from('data: {"usage":{"prompt_tokens":3}}')]).usage).toEqual({ prompt_tokens: 3 })
})

test('a line takes time in proportion to its bytes, and of one that is too long to be held nothing counts', () => {
  const piece = Buffer.from('a')
  function* pieces(bytes: number) {
    yield Buffer.from('data: {"usage":{"prompt_tokens":3},"x":"')
    for (let i = 0; i < bytes; i++) yield piece
    yield Buffer.from('"}\n\n')
  }
  const started = performance.now()
  expect(figuresOf(pieces(1 << 19)).usage).toEqual({ prompt_tokens: 3 })
  expect(figuresOf(pieces(1 << 20)).usage).toEqual({})
  expect(performance.now() - started).toBeLessThan(5000)
})

test('of usage nothing is kept but what is read, however many fields are said', () => {
  const watcher = createStreamWatcher()
  for (let i = 0; i < 100; i++) watcher.see(Buffer.from(chunk({ usage: { [`k${i}`]: 0, prompt_tokens: i } })))
  watcher.see(Buffer.from(chunk({ usage: 'text' })))
  expect(watcher.figures().usage).toEqual({ prompt_tokens: 99 })
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
