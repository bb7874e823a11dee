import { expect, test } from 'vitest'
import { createPatience, type PatienceParts } from '../../src/cli/patience.ts'
import { createStatistics } from '../../src/routing/statistics.ts'
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

/** Patience whose models are called as statistics say, and the models that it said it waits for. */
function patience(more: Partial<PatienceParts> = {}, answered: readonly string[] = ['a']) {
  const { now, sleep } = clock()
  const statistics = createStatistics({ now })
  for (const model of answered) {
    statistics.start(model)
    statistics.succeed(model, { latency: 1 })
  }
  const waited: string[] = []
  const { signal } = new AbortController()
  const onWait = (model: string) => void waited.push(model)
  return { now, waited, patiently: createPatience({ statistics, signal, onWait, sleep, now, ...more }) }
}

const refused = (details: { retryAt?: number; isAccountRefused?: boolean }) =>
  new CallError('a: expected an answer, got an open breaker.', {
    ...{ attempts: [], isAccountRefused: false, isRequestRefused: false },
    ...details,
  })

test('waits until it makes sense, says so once, then tries again', async () => {
  const { now, waited, patiently } = patience()
  let calls = 0
  const call = (until: number) => async () => {
    calls++
    if (now() < until) throw refused({ retryAt: until })
    return 'there'
  }
  expect([await patiently('a', call(31_000)), calls, now()]).toEqual(['there', 2, 31_000])
  await patiently('a', call(40_000))
  expect([now(), waited]).toEqual([40_000, ['a']])
})

test.each([
  ['nobody knows when', 'a', {}],
  ['it is too long', 'a', { retryAt: 200_000 }],
  ['this model never answered, whatever others did, and it is long', 'dead', { retryAt: 31_000 }],
  ['the account is refused', 'a', { retryAt: 2000, isAccountRefused: true }],
])('fails at once where %s', async (_, model, details) => {
  const { now, waited, patiently } = patience()
  await expect(patiently(model, () => Promise.reject(refused(details)))).rejects.toThrow('open breaker')
  expect([now(), waited]).toEqual([1000, []])
})

test('nothing is waited for while another model could answer', async () => {
  const { now, patiently } = patience()
  const fail = () => Promise.reject(refused({ retryAt: 2000 }))
  await expect(patiently('a', fail, async () => true)).rejects.toThrow('open breaker')
  expect(now()).toBe(1000)
})

test('after 20 failures of a model in a row it is not waited for, until it answers', async () => {
  const { now, patiently } = patience({}, ['a', 'b'])
  for (let i = 0; i < 20; i++) {
    await patiently('a', () => Promise.reject(refused({}))).catch(() => {})
    await patiently('b', async () => 'there')
  }
  await expect(patiently('a', () => Promise.reject(refused({ retryAt: 2000 })))).rejects.toThrow()
  expect(now()).toBe(1000)
  await patiently('a', async () => 'there')
  await expect(
    patiently('a', () => Promise.reject(now() < 2000 ? refused({ retryAt: 2000 }) : refused({}))),
  ).rejects.toThrow()
  expect(now()).toBe(2000)
})

test('a signal ends the waiting', async () => {
  const stop = new AbortController()
  const { patiently } = patience({ signal: stop.signal, sleep: async () => stop.abort() })
  await expect(patiently('a', () => Promise.reject(refused({ retryAt: 9000 })))).rejects.toThrow('open breaker')
})
