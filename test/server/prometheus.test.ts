import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { watchProcess } from '../../src/server/prometheus.ts'

test('readers right after one another get the same event-loop delay, and none of no time at all', async () => {
  const clock = { time: 0 }
  const figures = watchProcess('x_', () => clock.time)
  const p99 = async () =>
    (await figures()).find(({ name }) => name === 'x_nodejs_eventloop_lag_p99_seconds')!.values[0]!.value
  await wait(100)
  const first = await p99()
  expect(first).toBeGreaterThan(0.001)
  await wait(5)
  clock.time = 999
  expect([await p99(), await p99()]).toEqual([first, first])
  clock.time = 1000
  await wait(100)
  const next = await p99()
  expect(next).not.toBe(first)
  expect(next).toBeGreaterThan(0.001)
})
