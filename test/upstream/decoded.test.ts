import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync, constants, createGzip, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTransport, type Transport } from '../../src/upstream/transport.ts'

let answer: (response: ServerResponse) => void
let transport: Transport
const server = createServer((request, response) => request.resume().on('end', () => answer(response)))

beforeAll(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  transport = await openTransport({ connect: 1000, firstByte: 2000, idle: 2000, total: 5000 })
})
afterAll(async () => {
  await transport.close()
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
})

const send = () => {
  const { port } = server.address() as AddressInfo
  return transport.send({ origin: `http://127.0.0.1:${port}`, path: '/', headers: {}, body: '{}' })
}
const answerWith = (encoding: string, bytes: Buffer) => {
  answer = response => response.writeHead(200, { 'content-encoding': encoding, 'x-a': 'b' }).end(bytes)
}
const TEXT = JSON.stringify({ text: 'grüße 😀'.repeat(1000) })

test.each([
  ['gzip', gzipSync(TEXT)],
  ['GZIP', gzipSync(TEXT)],
  ['deflate', deflateSync(TEXT)],
  ['br', brotliCompressSync(TEXT)],
])('%s: the bytes and headers are those of the plain answer', async (encoding, bytes) => {
  answerWith(encoding, bytes)
  const { headers, body } = await send()
  expect([headers['content-encoding'], headers['x-a']]).toEqual([undefined, 'b'])
  expect((await body.bytes(100_000)).toString('utf8')).toBe(TEXT)
})

test('what is short only while compressed is refused by its length', async () => {
  answerWith('gzip', gzipSync(Buffer.alloc(50_000_000)))
  await expect((await send()).body.bytes(1_000_000)).rejects.toMatchObject({
    ...{ message: 'an answer of more than 1000000 bytes', kind: 'lasting' },
  })
})

test('one that breaks off is a failure, as of any other', async () => {
  answerWith('gzip', gzipSync(TEXT).subarray(0, -20))
  await expect((await send()).body.bytes(100_000)).rejects.toMatchObject({
    ...{ name: 'AttemptFailure', message: 'a compressed answer that is broken (Z_BUF_ERROR)', kind: 'passing' },
  })
})

test('an encoding that is not known stays as it is', async () => {
  answerWith('zstd', Buffer.from('x'))
  const { headers, body } = await send()
  expect([headers['content-encoding'], (await body.bytes(10)).toString()]).toEqual(['zstd', 'x'])
})

test('events of a compressed stream come as they are sent, and giving it up ends it', async () => {
  let more = () => {}
  let isGone = false
  answer = response => {
    response.writeHead(200, { 'content-encoding': 'gzip' })
    response.on('close', () => {
      isGone = true
    })
    const zipped = createGzip({ flush: constants.Z_SYNC_FLUSH })
    zipped.pipe(response)
    zipped.write('data: one\n\n')
    more = () => zipped.write('data: two\n\n')
  }
  const { body } = await send()
  const pieces = body[Symbol.asyncIterator]()
  expect(String((await pieces.next()).value)).toBe('data: one\n\n')
  more()
  expect(String((await pieces.next()).value)).toBe('data: two\n\n')
  await pieces.return?.()
  await expect.poll(() => isGone).toBe(true)
})
