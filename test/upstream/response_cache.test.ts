import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createCaller } from '../../src/upstream/caller.ts'
import { openResponseCache } from '../../src/upstream/response_cache.ts'
import { type FaultServer, startFaultServer } from '../helpers/fault_server.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const key = (i: number) => i.toString(16).padStart(64, '0')
const bytes = (length: number, fill = 1) => Buffer.alloc(length, fill)
const body = { messages: [{ role: 'user', content: 'hi' }] }
let server: FaultServer
let models: { id: string; endpoint: { baseUrl: string; name?: string } }[]
beforeAll(async () => {
  server = await startFaultServer()
  models = [{ id: 'big', endpoint: { baseUrl: server.url } }]
})
afterAll(() => server.close())
beforeEach(() => {
  server.requests.length = server.faults.length = 0
})

test('the same request is answered once; another, or another model, is asked', async () => {
  const { call, close } = createCaller({ cache: {}, sleep: async () => {} })
  const first = await call({ models, body })
  const second = await call({ models, body })
  expect(second).toMatchObject({
    text: first.text,
    usage: first.usage,
    cost: 0,
    isCached: true,
    attempts: [],
    body: first.body,
  })
  const pieces: string[] = []
  await call({ models, body, onText: text => pieces.push(text) })
  expect(pieces).toEqual([first.text])
  expect(server.requests).toHaveLength(1)
  for (const other of [
    { ...body, temperature: 0.1 },
    { ...body, seed: 1 },
    { messages: [{ role: 'user', content: 'hi ' }] },
  ]) {
    expect((await call({ models, body: other })).isCached).toBe(false)
  }
  expect(
    (await call({ models: [{ ...models[0]!, endpoint: { ...models[0]!.endpoint, name: 'b' } }], body })).isCached,
  ).toBe(false)
  expect((await call({ models, body, skipsCache: true })).isCached).toBe(false)
  expect(server.requests).toHaveLength(6)
  await close()
})

test('without the option there is none', async () => {
  const { call, close } = createCaller()
  await call({ models, body })
  expect((await call({ models, body })).isCached).toBe(false)
  await close()
})

test('errors and cut answers are never held', async () => {
  const { call, close } = createCaller({
    cache: {},
    sleep: async () => {},
    retry: { attempts: 1 },
    breaker: { failures: 99 },
  })
  server.faults.push(
    { kind: 'answer', status: 429 },
    { kind: 'answer', body: '{"choices":[]}' },
    { kind: 'cut' },
    { kind: 'short' },
  )
  for (let i = 0; i < 4; i++) await expect(call({ models, body })).rejects.toThrow()
  for (const kind of ['cut', 'short'] as const) {
    server.faults.push({ kind })
    await expect(call({ models, body, onText: () => {} })).rejects.toThrow()
  }
  expect((await call({ models, body })).isCached).toBe(false)
  expect((await call({ models, body })).isCached).toBe(true)
  await close()
})

test('a cached answer is given though the breaker is open', async () => {
  const { call, close } = createCaller({
    cache: {},
    sleep: async () => {},
    retry: { attempts: 1 },
    breaker: { failures: 1 },
  })
  await call({ models, body })
  server.faults.push({ kind: 'answer', status: 401 })
  await expect(call({ models, body: { ...body, seed: 1 } })).rejects.toThrow('status 401')
  await expect(call({ models, body: { ...body, seed: 1 } })).rejects.toThrow('breaker is open')
  expect((await call({ models, body })).isCached).toBe(true)
  await close()
})

test('what is too old is gone, and what is least used goes first', async () => {
  let time = 1000
  const cache = await openResponseCache({ ttl: 500, maxBytes: 3000 }, () => time)
  cache.set(key(1), bytes(700))
  cache.set(key(2), bytes(700))
  cache.set(key(3), bytes(700))
  expect(await cache.get(key(1))).toEqual(bytes(700))
  cache.set(key(4), bytes(700))
  expect(await cache.get(key(2))).toBeUndefined()
  expect(await cache.get(key(1))).toBeDefined()
  cache.set(key(5), bytes(3000))
  expect(await cache.get(key(5))).toBeUndefined()
  time += 500
  expect(await cache.get(key(1))).toBeUndefined()
})

test('on disk: read by the next process, bounded, private, and leaving others alone', async () => {
  let time = Date.now()
  const place = join(folder.path, 'answers')
  const options = { folder: place, ttl: 1000, maxBytes: 0 + 1, maxDiskBytes: 2000 }
  const first = await openResponseCache(options, () => time)
  for (let i = 0; i < 5; i++) first.set(key(i), bytes(500, i))
  await first.close()
  writeFileSync(join(place, 'notes.txt'), 'mine')
  expect(readdirSync(place).sort()).toEqual([...[2, 3, 4].map(i => `${key(i)}.answer`), 'notes.txt'])
  expect(statSync(join(place, `${key(4)}.answer`)).mode & 0o077).toBe(0)
  const second = await openResponseCache(options, () => time)
  expect(await second.get(key(4))).toEqual(bytes(500, 4))
  expect(await second.get(key(0))).toBeUndefined()
  second.set(key(9), bytes(500))
  await second.close()
  expect(readdirSync(place).filter(name => name.endsWith('.answer'))).toHaveLength(3)
  time += 1001
  expect(await second.get(key(9))).toBeUndefined()
  expect(readFileSync(join(place, 'notes.txt'), 'utf8')).toBe('mine')
})

test('a damaged file is no answer, and a folder that cannot be one is an error', async () => {
  const place = join(folder.path, 'damaged')
  const cache = await openResponseCache({ folder: place, maxBytes: 1 }, Date.now)
  for (const [i, text] of ['', 'x', 'llmrans1', 'other file with enough bytes'].entries()) {
    writeFileSync(join(place, `${key(i)}.answer`), text)
    expect(await cache.get(key(i))).toBeUndefined()
  }
  const file = join(folder.path, 'file')
  writeFileSync(file, '')
  const { call, close } = createCaller({ cache: { folder: file } })
  await expect(call({ models, body })).rejects.toMatchObject({ name: 'DataError', file })
  await close().catch(() => {})
})
