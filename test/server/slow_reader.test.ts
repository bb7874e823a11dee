import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { drained, handedOver } from '../../src/server/slow_reader.ts'

/** More than the system takes for a client that reads nothing. */
const MUCH = Buffer.alloc(16 << 20, 'a')
const PATIENCE = 150
let server: Server | undefined
let client: Socket | undefined

afterEach(() => {
  client?.destroy()
  server?.closeAllConnections()
  server?.close()
})

/** The answer to a request whose client reads nothing until it is told to. */
async function answerOf(requests = 1): Promise<{ readonly response: ServerResponse; readonly client: Socket }[]> {
  const found: ServerResponse[] = []
  server = createServer((_, response) => found.push(response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  client = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {})
  client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(requests))
  while (found.length < requests) await new Promise(resolve => setImmediate(resolve))
  return found.map(response => ({ response, client: client! }))
}

test('an answer that the system takes at once was handed over at once', async () => {
  const [one] = await answerOf()
  const { response } = one!
  response.end('{}')
  expect(handedOver(response)).toBe(true)
})

test('one that is read slowly is handed over when all of it was read; the connection stays', async () => {
  const [one] = await answerOf()
  const { response, client } = one!
  const { socket } = response
  response.end(MUCH)
  const handing = handedOver(response, PATIENCE)
  expect(handing).toBeInstanceOf(Promise)
  // Longer than its patience, in all.
  for (let i = 1; i <= 4; i++) {
    await new Promise(resolve => setTimeout(resolve, PATIENCE / 2))
    const part = (i * MUCH.length) / 4
    client.removeAllListeners('data').on('data', () => client.bytesRead >= part && client.pause())
    client.resume()
  }
  client.removeAllListeners('data').resume()
  expect(await handing).toBe(true)
  expect([socket!.destroyed, socket!.timeout]).toEqual([false, expect.toSatisfy(time => time > PATIENCE)])
})

test('who reads nothing is cut off, and so is who lets a stream wait', async () => {
  const [one] = await answerOf()
  const { response } = one!
  response.end(MUCH)
  expect(await handedOver(response, PATIENCE)).toBe(false)
  server!.close()
  const [stream] = await answerOf()
  expect(stream!.response.write(MUCH)).toBe(false)
  await drained(stream!.response, PATIENCE)
  expect(stream!.response.destroyed).toBe(true)
})

test('a stream that is read on has no such limit between its pieces', async () => {
  const [one] = await answerOf()
  const { response, client } = one!
  response.write(MUCH)
  client.resume()
  await drained(response, PATIENCE)
  expect([response.destroyed, response.socket!.timeout]).toEqual([false, 0])
})

test('the second of two answers on a connection waits for the first', async () => {
  const [first, second] = await answerOf(2)
  second!.response.end('{}')
  const handing = handedOver(second!.response, PATIENCE)
  await new Promise(resolve => setTimeout(resolve, 2 * PATIENCE))
  expect(second!.response.destroyed).toBe(false)
  first!.response.end('{}')
  expect(await handing).toBe(true)
})
