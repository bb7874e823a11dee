import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { stopAnswer } from '../../src/server/gone.ts'
import { receive } from '../../src/server/received.ts'
import { createSlowBodies } from '../../src/server/slow_bodies.ts'
import { dial } from '../helpers/raw_http.ts'

const MOST = 100

/** A server that receives bodies slowly, and keeps those it has until the test lets them go. */
async function receiver() {
  const receive = createSlowBodies(MOST)
  const told: (string | null)[] = []
  const held: (() => void)[] = []
  const seen: { stop?: () => void } = {}
  const server = createServer((request, response) => {
    seen.stop = () => stopAnswer(response)
    receive(request, response).then(
      ({ received, release }) => {
        held.push(release)
        response.end(JSON.stringify(received.body))
      },
      ({ error }) => {
        told.push(error.code)
        response.writeHead(error.status).end()
      },
    )
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  /** Sends the head, and some bytes of a body of 100. */
  const begin = async (bytes: number) => {
    const connection = dial(url)
    connection.socket.write('POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 100\r\n\r\n')
    await new Promise(resolve => setTimeout(resolve, 5))
    connection.socket.write(BODY.slice(0, bytes))
    return connection
  }
  return { url, told, held, seen, begin }
}

const BODY = JSON.stringify({ a: 'x'.repeat(MOST - 8) })
const until = async (isSo: () => boolean) => {
  while (!isSo()) await new Promise(resolve => setTimeout(resolve, 1))
}

test('what comes in pieces is received whole', async () => {
  const { begin } = await receiver()
  const { socket, ended } = await begin(50)
  socket.write(BODY.slice(50))
  expect(await ended).toMatch(new RegExp(`200 OK.*${BODY}$`, 's'))
})

test('what comes in thousands of pieces is received whole and in order', async () => {
  const text = JSON.stringify({ a: Array.from({ length: 1500 }, (_, i) => i) })
  const request = Object.assign(Readable.from(Array.from(text, letter => Buffer.from(letter))), { headers: {} })
  const { bytes } = await receive(request as unknown as IncomingMessage, text.length)
  expect(Buffer.from(bytes).toString()).toBe(text)
})

test('16 of the largest size are held at a time, those that wait with theirs included; beyond, whoever sends is told 503', async () => {
  const { begin, told, held } = await receiver()
  for (let i = 0; i < 8; i++) await (await begin(MOST)).ended
  const slow = []
  for (let i = 0; i < 8; i++) slow.push(await begin(MOST - 1))
  const tooMuch = await begin(9)
  expect(await tooMuch.ended).toMatch(/^HTTP\/1\.1 503 /)
  expect(told).toEqual(['server_overloaded'])
  for (const release of held) release()
  expect(await (await begin(MOST)).ended).toMatch(/^HTTP\/1\.1 200 /)
  for (const { socket } of slow) socket.destroy()
  await until(() => told.length === 9)
  expect(told.slice(1)).toEqual(Array(8).fill('client_gone'))
  // Nothing of theirs is counted any more.
  held.at(-1)!()
  for (let i = 0; i < 16; i++) expect(await (await begin(MOST)).ended).toMatch(/^HTTP\/1\.1 200 /)
})

test('a server that stops does not wait for it', async () => {
  const { begin, told, seen } = await receiver()
  const { ended } = await begin(10)
  await until(() => seen.stop !== undefined)
  seen.stop!()
  expect(await ended).toMatch(/^HTTP\/1\.1 503 /)
  expect(told).toEqual(['server_stopping'])
})
