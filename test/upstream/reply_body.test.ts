import { expect, test } from 'vitest'
import { ArrivingBody } from '../../src/upstream/reply_body.ts'

function arriving(chunks: Iterable<Buffer>): ArrivingBody {
  const body = new ArrivingBody({ pause() {}, resume() {} }, { fail() {} })
  for (const chunk of chunks) body.push(chunk)
  body.end()
  return body
}

const MIXED = Array.from({ length: 3000 }, (_, i) => Buffer.alloc(i % 100 === 0 ? 20_000 : i % 7, i))

test('chunks of any length come in their order, read in one way or the other', async () => {
  const whole = Buffer.concat(MIXED)
  expect((await arriving(MIXED).bytes(whole.length)).equals(whole)).toBe(true)
  expect(arriving(MIXED).arrived(whole.length)?.equals(whole)).toBe(true)
  const pieces: Uint8Array[] = []
  for await (const piece of arriving(MIXED)) pieces.push(piece)
  expect(Buffer.concat(pieces).equals(whole)).toBe(true)
})

test('an answer of one chunk is not copied', () => {
  const chunk = Buffer.from('{}')
  expect(arriving([chunk]).arrived(2)).toBe(chunk)
})

test('chunks of a byte that wait are kept as few', async () => {
  const read = Buffer.alloc(100_000, 'a')
  const pieces: Uint8Array[] = []
  const chunks = Array.from(read, (_, i) => read.subarray(i, i + 1))
  for await (const piece of arriving(chunks)) pieces.push(piece)
  expect(pieces.length).toBeLessThan(30)
  expect(Buffer.concat(pieces).equals(read)).toBe(true)
})
