import { expect, test } from 'vitest'
import { createGate } from '../../src/upstream/gate.ts'

test('more places go to those who wait, in their order; with fewer nobody enters until enough have left', async () => {
  const gate = createGate({ maxConcurrency: 1 }, () => 0)
  const entered: string[] = []
  const enter = (name: string) => gate.enter().then(() => entered.push(name))
  await Promise.all([enter('a')])
  const others = ['b', 'c', 'd'].map(enter)
  gate.adjust({ maxConcurrency: 3 })
  await Promise.all(others.slice(0, 2))
  expect(entered).toEqual(['a', 'b', 'c'])
  gate.adjust({ maxConcurrency: 1 })
  gate.leave()
  gate.leave()
  await new Promise(resolve => setImmediate(resolve))
  expect(entered).toEqual(['a', 'b', 'c'])
  gate.leave()
  await others[2]
  expect([gate.tryEnter(), entered.at(-1)]).toEqual([false, 'd'])
  gate.adjust({})
  expect(gate.tryEnter()).toBe(true)
})

test('a pace is kept from one request to the next, also where it changes between them', () => {
  const clock = { time: 0 }
  const gate = createGate({}, () => clock.time)
  expect(gate.isPaced).toBe(false)
  gate.adjust({ rateLimit: 10 })
  expect([gate.isPaced, gate.pace(), gate.pace(), gate.pace()]).toEqual([true, 0, 100, 200])
  gate.adjust({ rateLimit: 1 })
  expect([gate.pace(), gate.pace()]).toEqual([300, 1300])
  clock.time = 5000
  expect([gate.pace(), gate.pace()]).toEqual([0, 1000])
})

test('a faster pace counts at once, and none leaves nothing to wait for', () => {
  const clock = { time: 0 }
  const gate = createGate({ rateLimit: 1 }, () => clock.time)
  for (let i = 0; i < 60; i++) gate.pace()
  clock.time = 10_000
  gate.adjust({ rateLimit: 100 })
  expect([gate.pace(), gate.pace()]).toEqual([500, 510])
  gate.adjust({})
  expect([gate.isPaced, gate.pace(), gate.pace()]).toEqual([false, 0, 0])
  gate.adjust({ rateLimit: 10 })
  expect([gate.pace(), gate.pace()]).toEqual([0, 100])
})
