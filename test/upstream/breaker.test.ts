import { expect, test } from 'vitest'
import type { BreakerOptions } from '../../src/call_types.ts'
import { AttemptFailure } from '../../src/upstream/attempt_failure.ts'
import { type Breaker, createBreaker } from '../../src/upstream/breaker.ts'

const busy = new AttemptFailure('status 503', 'passing')
const refused = new AttemptFailure('status 401', 'account')

function start(options: BreakerOptions = {}) {
  const clock = { time: 1_000_000 }
  const changes: [boolean, string | undefined][] = []
  const breaker = createBreaker(
    options,
    () => clock.time,
    (isOpen, reason) => changes.push([isOpen, reason]),
  )
  return { breaker, clock, changes }
}

function fail(breaker: Breaker, times: number) {
  for (let i = 0; i < times; i++) breaker.fail(breaker.enter()!, busy)
}

test('opens on so many failures in a row, and not before', () => {
  const { breaker, changes } = start({ failures: 3 })
  fail(breaker, 2)
  breaker.succeed(breaker.enter()!)
  fail(breaker, 2)
  expect(breaker.isOpen()).toBe(false)
  fail(breaker, 1)
  expect(breaker.enter()).toBeUndefined()
  expect(breaker.opening()).toEqual({ reason: 'status 503', until: 1_030_000, category: 'other' })
  expect(changes).toEqual([[true, 'status 503']])
})

test('opens on a share of failures, once there are enough to tell', () => {
  const { breaker } = start({ failures: 99, share: 0.5, minimum: 10 })
  for (let i = 0; i < 9; i++)
    (i % 2 ? breaker.succeed : (pass: { isProbe: boolean }) => breaker.fail(pass, busy))(breaker.enter()!)
  expect(breaker.isOpen()).toBe(false)
  fail(breaker, 1)
  expect(breaker.isOpen()).toBe(true)
})

test('what is older than the window does not count', () => {
  const { breaker, clock } = start({ failures: 99, share: 0.5, minimum: 10, window: 60_000 })
  for (let i = 0; i < 9; i++) {
    fail(breaker, 1)
    clock.time += 1
  }
  clock.time += 66_000
  fail(breaker, 9)
  expect(breaker.isOpen()).toBe(false)
  clock.time += 30_000
  fail(breaker, 1)
  expect(breaker.isOpen()).toBe(true)
})

test('half open: exactly one probe, whose success closes it', () => {
  const { breaker, clock, changes } = start({ failures: 1, coolDown: 5000 })
  const late = breaker.enter()!
  fail(breaker, 1)
  clock.time += 4999
  expect(breaker.enter()).toBeUndefined()
  clock.time += 1
  expect(breaker.isOpen()).toBe(false)
  const probe = breaker.enter()!
  expect(probe.isProbe).toBe(true)
  expect([breaker.enter(), breaker.enter()]).toEqual([undefined, undefined])
  // What went out before it opened decides nothing now.
  breaker.succeed(late)
  breaker.fail(late, busy)
  expect(breaker.enter()).toBeUndefined()
  breaker.succeed(probe)
  expect(breaker.enter()).toEqual({ isProbe: false })
  expect(changes.map(([isOpen]) => isOpen)).toEqual([true, false, true, false])
})

test('half open: a failed probe opens it again, one that told nothing lets the next try', () => {
  const { breaker, clock } = start({ failures: 5, coolDown: 5000 })
  fail(breaker, 5)
  clock.time += 5000
  breaker.fail(breaker.enter()!, busy)
  expect(breaker.opening()!.until).toBe(clock.time + 5000)
  clock.time += 5000
  breaker.abandon(breaker.enter()!)
  const probe = breaker.enter()!
  expect(probe.isProbe).toBe(true)
  breaker.succeed(probe)
  // Closed means closed: one failure is one again.
  fail(breaker, 4)
  expect(breaker.isOpen()).toBe(false)
})

test('a refused account opens it at once, for longer, from any state', () => {
  const { breaker, clock } = start({ coolDown: 5000, accountCoolDown: 60_000 })
  const pass = breaker.enter()!
  breaker.fail(breaker.enter()!, refused)
  expect(breaker.opening()).toEqual({ reason: 'status 401', until: clock.time + 60_000, category: 'account' })
  // A failure that comes late does not shorten it.
  breaker.fail(pass, busy)
  expect(breaker.opening()!.until).toBe(clock.time + 60_000)
  clock.time += 60_000
  breaker.fail(breaker.enter()!, refused)
  expect(breaker.opening()!.until).toBe(clock.time + 60_000)
})

test('an answer that says how long to wait decides the cool-down, within bounds', () => {
  const { breaker, clock } = start({ failures: 1, coolDown: 5000 })
  for (const [wait, until] of [
    [12_000, 12_000],
    [86_400_000, 50_000],
    [0, 1000],
  ]) {
    breaker.fail(breaker.enter()!, new AttemptFailure('status 429', 'passing', { wait }))
    expect(breaker.opening()!.until - clock.time).toBe(until)
    clock.time += until!
  }
})

test.each(['succeed', 'fail', 'abandon'] as const)('who waits is told when a probe is over: %s', async what => {
  const { breaker, clock } = start({ failures: 1, coolDown: 5000 })
  fail(breaker, 1)
  clock.time += 5000
  const probe = breaker.enter()!
  let isTold = false
  const told = breaker.changed().then(() => {
    isTold = true
  })
  await Promise.resolve()
  expect(isTold).toBe(false)
  breaker[what](probe, busy)
  await told
})
