import { expect, test } from 'vitest'
import { createPatience } from '../../src/cli/patience.ts'
import { CallError } from '../../src/upstream/upstream_types.ts'

/** A clock that only sleeping moves on. */
function clock() {
  let time = 1000
  return {
    now: () => time,
    sleep: async (milliseconds: number) => {
      time += milliseconds
    },
  }
}

const refused = (details: { retryAt?: number; isAccountRefused?: boolean }) =>
  new CallError('a: expected an answer, got an open breaker.', {
    ...{ attempts: [], isAccountRefused: false, isRequestRefused: false },
    ...details,
  })

test('waits until it makes sense, then tries again', async () => {
  const { now, sleep } = clock()
  const patiently = createPatience(new AbortController().signal, sleep, now)
  await patiently(async () => 'there')
  let calls = 0
  const answer = await patiently(async () => {
    calls++
    if (now() < 31_000) throw refused({ retryAt: 31_000 })
    return 'there'
  })
  expect([answer, calls, now()]).toEqual(['there', 2, 31_000])
})

test.each([
  ['nobody knows when', {}],
  ['it is too long', { retryAt: 200_000 }],
  ['nothing was ever answered, and it is long', { retryAt: 31_000 }],
  ['the account is refused', { retryAt: 2000, isAccountRefused: true }],
])('fails at once where %s', async (_, details) => {
  const { now, sleep } = clock()
  const patiently = createPatience(new AbortController().signal, sleep, now)
  await expect(patiently(() => Promise.reject(refused(details)))).rejects.toThrow('open breaker')
  expect(now()).toBe(1000)
})

test('after 20 failures in a row nothing is waited for, until one succeeds', async () => {
  const { now, sleep } = clock()
  const patiently = createPatience(new AbortController().signal, sleep, now)
  for (let i = 0; i < 20; i++) await patiently(() => Promise.reject(refused({}))).catch(() => {})
  await expect(patiently(() => Promise.reject(refused({ retryAt: 2000 })))).rejects.toThrow()
  expect(now()).toBe(1000)
  await patiently(async () => 'there')
  await expect(
    patiently(() => Promise.reject(now() < 2000 ? refused({ retryAt: 2000 }) : refused({}))),
  ).rejects.toThrow()
  expect(now()).toBe(2000)
})

test('a signal ends the waiting', async () => {
  const { now } = clock()
  const stop = new AbortController()
  const patiently = createPatience(stop.signal, async () => stop.abort(), now)
  await expect(patiently(() => Promise.reject(refused({ retryAt: 9000 })))).rejects.toThrow('open breaker')
})
