import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { openTransport } from '../../src/upstream/transport.ts'

test('times longer than a timer can hold are as good as long ones', async () => {
  const warnings: string[] = []
  const hear = ({ name }: Error) => warnings.push(name)
  process.on('warning', hear)
  const server = createServer((request, response) =>
    request.resume().on('end', () => setTimeout(() => response.end('{}'), 30)),
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const month = 30 * 86_400_000
  const transport = await openTransport({ connect: month, firstByte: month, idle: month, total: month })
  const { port } = server.address() as AddressInfo
  const { body } = await transport.send({ origin: `http://127.0.0.1:${port}`, path: '/', headers: {}, body: '{}' })
  expect((await body.bytes(10)).toString('utf8')).toBe('{}')
  process.off('warning', hear)
  expect(warnings).toEqual([])
  await transport.close()
  await new Promise(resolve => server.close(resolve))
})
