import { expect, test } from 'vitest'
import { readStart } from '../../src/upstream/stream_start.ts'

async function* stream(...pieces: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece)
}

/** How many pieces are read until the stream has begun, or why it has not. */
const read = (pieces: readonly string[]) =>
  readStart(stream(...pieces)).then(
    held => held.length,
    error => error.message,
  )

test.each<[string, readonly string[], number | string]>([
  ['a whole line of data', ['data: {}\n', '\n'], 1],
  ['a line in pieces', [': wait\r', '\nda', 'ta: {', '}\r\n', '\r\n'], 4],
  ['a long line that has not ended', [`data: ${'x'.repeat(600)}`, 'x'.repeat(600), 'x\n\n'], 2],
  ['a long comment', [`: ${'x'.repeat(2000)}`, 'data: {}\n\n', '\n\n', 'data: {}\n\n'], 4],
  ['a last line without its end', ['data: {}'], 1],
  ['a last line that has broken off', ['data: {"id":'], 'an empty stream'],
  ['an error as the last line, without its end', ['data: {"error":{"code":500}}'], 'an error within the stream'],
  ['an error in pieces', ['\ufeffdata: {"err', 'or":{}}\n\n'], 'an error within the stream'],
  ['a type in pieces', ['event: err', 'or\n'], 'an error within the stream'],
])('a stream begins with its first event: %s', async (_, pieces, expected) => {
  expect(await read(pieces)).toBe(expected)
})

test('comments before the first event take time in proportion to their bytes', async () => {
  const started = performance.now()
  expect(await read([':', ...Array(60_000).fill('a'), '\n', 'data: {}\n\n'])).toBe(60_003)
  expect(await read([...Array(20_000).fill(':\n'), 'data: {}\n\n'])).toBe(20_001)
  expect(performance.now() - started).toBeLessThan(1500)
})
