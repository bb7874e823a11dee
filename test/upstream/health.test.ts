import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Model } from '../../src/types.ts'
import { admitAtOnce } from '../../src/upstream/admission.ts'
import { AttemptFailure } from '../../src/upstream/attempt_failure.ts'
import { createCaller } from '../../src/upstream/caller.ts'
import { createGate } from '../../src/upstream/gate.ts'
import { createHealth } from '../../src/upstream/health.ts'
import { networkFailure } from '../../src/upstream/network_failure.ts'
import { sleep } from '../../src/upstream/sleep.ts'
import type { Caller } from '../../src/upstream/upstream_types.ts'
import { type FaultServer, startFaultServer } from '../helpers/fault_server.ts'

const body = { messages: [{ role: 'user', content: 'hi' }] }
let server: FaultServer
let other: FaultServer
let models: Model[]
beforeAll(async () => {
  server = await startFaultServer()
  other = await startFaultServer()
  models = [
    { id: 'big', endpoint: { baseUrl: server.url } },
    { id: 'spare', endpoint: { baseUrl: other.url } },
  ]
})
afterAll(() => Promise.all([server.close(), other.close()]))

/** Sleeping moves the clock, and nothing else does. */
function start(patience = 0) {
  const clock = { time: Date.parse('2026-01-01T00:00:00Z') }
  const caller: Caller = createCaller({
    now: () => clock.time,
    sleep: async milliseconds => {
      const end = clock.time + milliseconds
      await new Promise(resolve => setImmediate(resolve))
      clock.time = Math.max(clock.time, end)
    },
    random: () => 0,
    retry: { attempts: 2 },
    breaker: { failures: 3, coolDown: 10_000, patience },
  })
  return { ...caller, clock }
}

test('every attempt counts, so that a failing model is left alone, and comes back by one probe', async () => {
  const { call, statistics, clock, close } = start()
  server.requests.length = 0
  server.always = { kind: 'answer', status: 503 }
  await call({ models, body })
  expect(server.requests).toHaveLength(2)
  expect(statistics.of('big').isOpen).toBe(false)
  // The third failure opens it in the middle of a call.
  const second = await call({ models, body })
  expect(second.attempts.map(({ failure }) => failure)).toEqual([
    'status 503',
    'not called, since its breaker is open (status 503)',
    undefined,
  ])
  expect(statistics.of('big')).toMatchObject({ isOpen: true, openReason: 'status 503', errors: 3 })
  await Promise.all(Array.from({ length: 20 }, () => call({ models, body })))
  expect(server.requests).toHaveLength(3)
  await expect(call({ models: [models[0]!], body })).rejects.toThrow(
    /not called, since its breaker is open \(status 503\)\. It is not called until 2026-01-01T00:00:10\.000Z\. Try again then, or name another model\.$/,
  )
  clock.time += 10_000
  server.always = { kind: 'slow', after: 30 }
  expect(statistics.of('big').isOpen).toBe(false)
  const answering = Array.from({ length: 20 }, () => call({ models, body }))
  // Who has no other model is told to come back later, not at once.
  await expect(call({ models: [models[0]!], body })).rejects.toMatchObject({ retryAt: clock.time + 1000 })
  const answers = await Promise.all(answering)
  expect(answers.filter(({ model }) => model === 'big')).toHaveLength(1)
  expect(server.requests).toHaveLength(4)
  server.always = undefined
  expect((await call({ models, body })).model).toBe('big')
  await close()
})

test('patience ends, and a refused key is not waited for', async () => {
  const { call, clock, close } = start(25_000)
  const began = clock.time
  server.always = { kind: 'answer', status: 503 }
  await expect(call({ models: [models[0]!], body })).rejects.toThrow('status 503')
  await expect(call({ models: [models[0]!], body })).rejects.toThrow('status 503')
  await expect(call({ models: [models[0]!], body })).rejects.toMatchObject({ isAccountRefused: false })
  expect(clock.time - began).toBeLessThan(200_000)
  server.always = { kind: 'answer', status: 401 }
  clock.time += 1_000_000
  await expect(call({ models: [models[0]!], body })).rejects.toMatchObject({ isAccountRefused: true })
  const before = clock.time
  await expect(call({ models: [models[0]!], body })).rejects.toMatchObject({ isAccountRefused: true })
  expect(clock.time).toBe(before)
  server.always = undefined
  await close()
})

test('close ends waits and requests', async () => {
  const caller = createCaller({ retry: { firstWait: 60_000, longestWait: 60_000 }, random: () => 1 })
  server.requests.length = 0
  server.always = { kind: 'answer', status: 503 }
  const waiting = caller.call({ models: [models[0]!], body }).catch((error: Error) => error)
  while (server.requests.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
  await new Promise(resolve => setTimeout(resolve, 20))
  server.always = { kind: 'silent' }
  const silent = caller.call({ models: [models[0]!], body }).catch((error: Error) => error)
  while (server.requests.length === 1) await new Promise(resolve => setTimeout(resolve, 5))
  await caller.close()
  expect(await waiting).toMatchObject({ name: 'UpstreamError' })
  expect(await silent).toMatchObject({ name: 'UpstreamError' })
  server.always = undefined
})

test('an outage in real time: with patience no call is lost, and few are sent in vain', async () => {
  const caller = createCaller({
    retry: { attempts: 3, firstWait: 10, longestWait: 40 },
    breaker: { failures: 5, coolDown: 50, patience: 20_000 },
    maxConcurrency: 32,
  })
  server.requests.length = 0
  server.always = { kind: 'answer', status: 503 }
  setTimeout(() => {
    server.always = undefined
  }, 400)
  const calls = Array.from({ length: 300 }, () => caller.call({ models: [models[0]!], body }))
  const answers = await Promise.all(calls)
  expect(answers).toHaveLength(300)
  expect(caller.statistics.of('big')).toMatchObject({ inFlight: 0, isOpen: false })
  // 300 that succeed, the first 32, and a probe every 50 ms.
  expect(server.requests.length).toBeLessThan(300 + 32 + 40)
  await caller.close()
})

test('what this machine cannot do opens no breaker, closes none, and is no error of the model', () => {
  const clock = { time: 0 }
  const health = createHealth({ failures: 3 }, () => clock.time)
  const parts = { health, gate: createGate({}, () => clock.time), now: () => clock.time, sleep }
  const model: Model = { id: 'a', endpoint: { baseUrl: 'http://a' } }
  const fail = (failure: AttemptFailure) => admitAtOnce(parts, model)!.fail(failure)
  for (const code of ['EMFILE', 'ENFILE', 'EMFILE', 'EMFILE']) {
    const failure = networkFailure({ code }, 0)
    expect(failure.message).toBe(`no connection, since too many files are open here (${code})`)
    fail(failure)
  }
  expect(health.statistics.of('a')).toMatchObject({ isOpen: false, errors: 0, inFlight: 0 })
  for (let i = 0; i < 3; i++) fail(new AttemptFailure('status 500', 'passing'))
  clock.time = 30_000
  fail(networkFailure({ code: 'EMFILE' }, 0))
  const probe = admitAtOnce(parts, model)!
  expect(admitAtOnce(parts, model)).toBeUndefined()
  probe.succeed({})
  expect(health.statistics.of('a').isOpen).toBe(false)
})

test('a model that is called elsewhere has a new breaker; what is under way where it was called before counts for nobody', () => {
  const health = createHealth({}, () => 0)
  const at = (id: string, baseUrl: string): Model => ({ id, endpoint: { baseUrl } })
  const refused = new AttemptFailure('status 401', 'account')
  const refuse = (model: Model) => {
    const breaker = health.breaker(model)
    breaker.fail(breaker.enter()!, refused)
  }
  const early = health.breaker(at('a', 'http://old'))
  const pass = early.enter()!
  for (const id of ['a', 'b']) refuse(at(id, 'http://old'))
  health.renew([at('a', 'http://new'), at('b', 'http://old')], {})
  const isOpen = () => ['a', 'b'].map(id => health.statistics.of(id).isOpen)
  expect(isOpen()).toEqual([false, true])
  expect(health.breaker(at('a', 'http://new')).enter()).toBeDefined()
  expect(health.breaker(at('b', 'http://old')).enter()).toBeUndefined()
  early.fail(pass, refused)
  refuse(at('a', 'http://old'))
  expect(isOpen()).toEqual([false, true])
  expect(health.breaker(at('a', 'http://new')).isOpen()).toBe(false)
  refuse(at('a', 'http://new'))
  expect(isOpen()).toEqual([true, true])
})

test('options that change hold for breakers that are there, and what they counted stays', () => {
  const clock = { time: 0 }
  const health = createHealth({ failures: 5 }, () => clock.time)
  const models: Model[] = [{ id: 'a' }, { id: 'b' }]
  const isOpen = () => models.map(({ id }) => health.statistics.of(id).isOpen)
  const fail = (model: Model) => {
    const breaker = health.breaker(model)
    breaker.fail(breaker.enter()!, new AttemptFailure('status 500', 'passing'))
  }
  for (let i = 0; i < 5; i++) fail(models[0]!)
  fail(models[1]!)
  health.renew(models, { failures: 2, coolDown: 60_000, window: 1000 })
  expect(isOpen()).toEqual([true, false])
  fail(models[1]!)
  expect(isOpen()).toEqual([true, true])
  // One that was open keeps its cool-down.
  clock.time = 30_000
  expect(isOpen()).toEqual([false, true])
  clock.time = 60_000
  expect(isOpen()).toEqual([false, false])
})
