import { describe, expect, test } from 'vitest'
import { createEndWatch } from '../../src/upstream/stream_end.ts'

/** Of a stream in pieces of seven bytes. */
function isWhole(path: string, ...events: readonly (object | string)[]): boolean {
  const bytes = Buffer.from(
    events.map(event => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`).join(''),
  )
  const watch = createEndWatch(path)
  for (let at = 0; at < bytes.length; at += 7) watch.see(bytes.subarray(at, at + 7))
  return watch.isWhole(true)
}
const piece = (content: string, index = 0) => ({ choices: [{ index, delta: { content }, finish_reason: null }] })
const end = (index = 0, reason: string | null = 'stop') => ({ choices: [{ index, delta: {}, finish_reason: reason }] })
const usage = { choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } }

describe.each(['/chat/completions', '/completions'])('the end of a stream of %s', path => {
  test.each<[string, readonly (object | string)[]]>([
    ['its last line', [piece('a'), '[DONE]']],
    ['the end of its choice', [piece('a'), end()]],
    ['the end of its choice, and what comes after', [piece('a'), end(), end(0, null), usage]],
    ['the end of each choice', [piece('a'), piece('b', 1), end(1), end()]],
    ['of one choice, that of another being long past', [piece('a', 1), end(1), ...Array(99).fill(piece('b')), end()]],
    [
      'an end in an event that is longer than the tail',
      [{ choices: [{ text: 'x'.repeat(9000), finish_reason: 'stop' }] }],
    ],
    ['its last line, errors being null', [{ ...piece('a'), error: null }, '[DONE]']],
  ])('%s', (_, events) => {
    expect(isWhole(path, ...events)).toBe(true)
  })

  test.each<[string, readonly (object | string)[]]>([
    ['a text that holds its last line', [piece('it ends with\n[DONE]')]],
    ['a text that is its last line', [piece('data: [DONE]\n\ndata: [DONE]')]],
    ['a text that holds the end of a choice', [piece('{"finish_reason":"stop"}')]],
    ['the end of one choice of two', [piece('a'), piece('b', 1), end(1)]],
    ['the end of one choice of two, the other going on', [piece('a'), piece('b', 1), end(1), piece('c')]],
    ['an error before its last line', [piece('a'), { error: { message: 'overloaded' } }, '[DONE]']],
    ['an error after the end of its choice', [piece('a'), end(), { error: { message: 'overloaded' } }]],
    ['nothing', []],
  ])('not %s', (_, events) => {
    expect(isWhole(path, ...events)).toBe(false)
  })
})

const long = 'y'.repeat(9000)

test.each<[string, string, readonly (object | string)[], boolean]>([
  ['/responses', 'repeats the answer', [{ type: 'response.completed', response: { output: [long] } }], true],
  [
    '/responses',
    'repeats the answer, and has broken off since',
    [{ type: 'response.created', response: [long] }],
    false,
  ],
  ['/messages', 'says more', [{ type: 'message_stop', metrics: long }], true],
  ['/chat/completions', 'says more', [piece('a'), { ...end(), citations: long }], true],
  ['/chat/completions', 'says more, and another choice goes on', [{ ...end(1), citations: long }, piece(long)], false],
])('a last event of %s that %s', (path, _, events, is) => {
  expect(isWhole(path, ...events)).toBe(is)
})

test.each<[string, object, boolean]>([
  ['/responses', { type: 'response.failed', response: { error: { code: 'server_error' }, output: [long] } }, true],
  ['/responses', { type: 'response.completed', response: { output: ['"response.failed"'] } }, false],
  ['/chat/completions', end(0, 'error'), true],
  ['/chat/completions', end(), false],
])('an end of %s that tells of a failure: %j', (path, event, is) => {
  const watch = createEndWatch(path)
  watch.see(Buffer.from(`data: ${JSON.stringify(event)}\n\n`))
  expect([watch.isWhole(true), watch.isFailed()]).toEqual([true, is])
})

const finished = { choices: [{ index: 0, finish_reason: 'stop', message: { content: long } }], usage: {} }

test.each<[string, object, boolean]>([
  ['before what it repeats', finished, true],
  ['in the middle of what it repeats', { citations: [long], ...finished }, true],
  ['in a text that it repeats', { citations: [JSON.stringify(finished)], ...piece(long) }, false],
])('a last event that repeats the answer, with its end %s, however it is cut', (_, event, is) => {
  for (const [isLineWhole, text] of [
    `data: ${JSON.stringify(event)}\n\n`,
    `data: ${JSON.stringify(event)}`,
  ].entries()) {
    const bytes = Buffer.from(`data: ${JSON.stringify(piece('a'))}\n\n${text}`)
    for (const size of [1, 7, 600, 1400, 5000, bytes.length]) {
      const watch = createEndWatch('/chat/completions')
      for (let at = 0; at < bytes.length; at += size) watch.see(bytes.subarray(at, at + size))
      expect([size, watch.isWhole(true)]).toEqual([size, is])
      expect([size, watch.isWhole(false)]).toEqual([size, is && isLineWhole === 0])
    }
    const begun = createEndWatch('/chat/completions')
    begun.see(bytes.subarray(0, -10))
    expect(begun.isWhole(true)).toBe(false)
  }
})

test('an end in a long line is none of the long lines that come after', () => {
  expect(isWhole('/chat/completions', { citations: [long], ...finished }, piece(long))).toBe(false)
})

const completed = { type: 'response.completed', response: { output: [long], error: null } }
const { type: _, ...withoutType } = completed

test.each<[string, string, boolean]>([
  ['its type first', `data: ${JSON.stringify(completed)}\n\n`, true],
  ['its type last', `data: ${JSON.stringify({ ...withoutType, ...completed })}\n\n`, true],
  ['its type in a line of its own', `event: response.completed\ndata: ${JSON.stringify(withoutType)}\n\n`, true],
  ['its type in no place', `data: ${JSON.stringify(withoutType)}\n\n`, false],
  [
    'its type in a text',
    `data: ${JSON.stringify({ metadata: { type: 'response.completed' }, response: [] })}\n\n`,
    false,
  ],
])('the last event of a response, with %s', (_, text, is) => {
  const watch = createEndWatch('/responses')
  watch.see(Buffer.from(text))
  expect(watch.isWhole(false)).toBe(is)
  const half = createEndWatch('/responses')
  half.see(Buffer.from(text.slice(0, 6000)))
  for (const isEnded of [false, true]) if (text.length > 6000) expect(half.isWhole(isEnded)).toBe(false)
})

test('a last line without its end counts where the stream came to its end', () => {
  for (const [path, text] of [
    ['/responses', 'data: {"type":"response.completed"}'],
    ['/messages', 'data: {"type":"message_stop"}'],
    ['/chat/completions', `data: ${JSON.stringify(end())}`],
  ] as const) {
    const watch = createEndWatch(path)
    watch.see(Buffer.from(text))
    expect([watch.isWhole(false), watch.isWhole(true)]).toEqual([false, true])
    const half = createEndWatch(path)
    half.see(Buffer.from(text.slice(0, -1)))
    expect(half.isWhole(true)).toBe(false)
  }
})

test('the last events of the other forms, and not their names in a text', () => {
  expect(isWhole('/messages', { type: 'message_stop' })).toBe(true)
  expect(isWhole('/messages', { type: 'content_block_delta', delta: { text: '"message_stop"' } })).toBe(false)
  expect(isWhole('/responses', { type: 'response.incomplete' })).toBe(true)
  expect(isWhole('/responses', { type: 'response.output_text.delta', delta: '"response.completed"' })).toBe(false)
  expect(isWhole('/audio/speech', 'anything')).toBe(true)
})
