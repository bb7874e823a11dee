import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { type AdmissionLimits, createAdmission } from '../../src/server/admission.ts'
import { createAllowances } from '../../src/server/allowances.ts'
import { type ApiError, clientGone } from '../../src/server/envelope.ts'
import { createKey, createKeyRing, ownHeaders, shownKey } from '../../src/server/keys.ts'
import type { OnGone } from '../../src/server/server_types.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const DAY = 86_400_000
const never = () => {}

/** An admission whose clock and limits a test sets. */
function admissionOf(first: Partial<AdmissionLimits>) {
  const clock = { now: 0 }
  const allowances = createAllowances(() => clock.now)
  const defaults = { keys: [], needsKey: first.keys !== undefined, maxConcurrency: 10, maxQueue: 10 }
  const state: { limits: AdmissionLimits } = { limits: { ...defaults, ...first } }
  const admission = createAdmission({ limits: () => state.limits, allowances: () => allowances })
  const enter = async (key?: string, onGone: OnGone = never) => {
    const client = admission.identify(key === undefined ? {} : { authorization: `Bearer ${key}` })
    if (key !== undefined) await admission.allow(client, onGone)
    return admission.enter(onGone)
  }
  const refused = (key?: string): Promise<ApiError> =>
    enter(key).then(
      () => expect.fail('expected a refusal'),
      thrown => thrown.error,
    )
  return { clock, allowances, state, admission, enter, refused }
}

test('without keys everyone may ask; with keys only who shows one', async () => {
  const open = admissionOf({})
  expect(open.admission.identify({})).toEqual({ name: '' })
  const locked = admissionOf({ keys: [{ name: 'alice', sha256: sha256('secret') }] })
  expect(locked.admission.identify({ 'api-key': 'secret' })).toMatchObject({ name: 'alice' })
  expect(await locked.refused()).toMatchObject({ status: 401, message: 'You did not provide an API key.' })
  expect(await locked.refused('secre')).toMatchObject({ status: 401, message: 'Incorrect API key provided.' })
  locked.state.limits = { ...locked.state.limits, keys: [{ name: 'bob', sha256: sha256('other') }] }
  expect(await locked.refused('secret')).toMatchObject({ status: 401 })
  expect(locked.admission.identify({ 'api-key': 'other' })).toMatchObject({ name: 'bob' })
  locked.state.limits = { ...locked.state.limits, keys: [] }
  expect(await locked.refused('other')).toMatchObject({ status: 401, message: 'Incorrect API key provided.' })
  expect(await locked.refused()).toMatchObject({ status: 401, message: 'You did not provide an API key.' })
})

test('a rate holds per key over any minute, and outlasts a new configuration', async () => {
  const keys = [
    { name: 'a', sha256: sha256('a'), rateLimit: 3 },
    { name: 'b', sha256: sha256('b') },
  ]
  const { clock, enter, refused, state } = admissionOf({ keys, maxConcurrency: 1000 })
  for (let i = 0; i < 3; i++) await enter('a')
  const refusal = {
    status: 429,
    type: 'rate_limit_error',
    code: 'rate_limit_exceeded',
    message: 'This key may send 3 requests a minute.',
    retryAfter: 20,
  }
  expect(await refused('a')).toEqual(refusal)
  await enter('b')
  state.limits = { ...state.limits, keys: [...keys] }
  expect(await refused('a')).toEqual(refusal)
  clock.now += 20_000
  await enter('a')
  expect(await refused('a')).toMatchObject({ retryAfter: 20 })
  clock.now += DAY
  for (let i = 0; i < 3; i++) await enter('a')
  await refused('a')
})

test('a rate below one a minute lets one through, and the next one after as many minutes', async () => {
  const { clock, enter, refused } = admissionOf({ keys: [{ name: 'a', sha256: sha256('a'), rateLimit: 0.5 }] })
  await enter('a')
  expect(await refused('a')).toMatchObject({ status: 429, retryAfter: 120 })
  clock.now += 120_000
  await enter('a')
  clock.now += DAY
  await enter('a')
  await refused('a')
})

test('a budget holds until midnight UTC', async () => {
  const keys = [{ name: 'a', sha256: sha256('a'), dailyBudget: 1 }]
  const { clock, enter, refused, allowances } = admissionOf({ keys })
  clock.now = 20_000 * DAY + 1
  await enter('a')
  allowances.spend('a', 0.6)
  await enter('a')
  allowances.spend('a', 0.4)
  expect(await refused('a')).toEqual({
    status: 429,
    type: 'insufficient_quota',
    code: 'insufficient_quota',
    message: 'This key may spend $1 a day (UTC), and has.',
  })
  clock.now = 20_001 * DAY - 1
  await refused('a')
  clock.now = 20_001 * DAY
  await enter('a')
})

test('what requests under way are expected to cost is set aside, until their true cost is known', async () => {
  const keys = [{ name: 'a', sha256: sha256('a'), dailyBudget: 1 }]
  const { clock, allowances, admission, refused } = admissionOf({ keys })
  const a = admission.identify({ 'api-key': 'a' })
  const underWay = {
    status: 429,
    type: 'rate_limit_error',
    code: 'rate_limit_exceeded',
    message:
      'This key may spend $1 a day (UTC), and its requests under way may cost what is left. Try again when they have ended.',
    retryAfter: 1,
  }
  const reserve = (dollars: number) => admission.reserve(a, dollars).catch(thrown => thrown.error)
  const started = await Promise.all(Array.from({ length: 1000 }, () => reserve(0.125)))
  const releases = started.filter(given => typeof given === 'function')
  expect(releases).toHaveLength(8)
  expect(started.at(-1)).toEqual(underWay)
  expect(await refused('a')).toEqual(underWay)
  // They were cheaper than expected.
  for (const release of releases) {
    allowances.spend('a', 1 / 64)
    release()
  }
  expect(await Promise.all(Array.from({ length: 8 }, () => reserve(0.125)))).toEqual([
    ...Array(7).fill(expect.any(Function)),
    underWay,
  ])
  // What is under way at midnight counts for the new day.
  clock.now += DAY
  expect(await Promise.all([reserve(0.125), reserve(0.125)])).toEqual([expect.any(Function), underWay])
})

test.each([Number.POSITIVE_INFINITY, 1e300, Number.NaN, -5])(
  'whoever asks for an answer of %d dollars gets no more than the budget, and gives all of it back',
  async dollars => {
    const { admission } = admissionOf({ keys: [{ name: 'a', sha256: sha256('a'), dailyBudget: 1 }] })
    const a = admission.identify({ 'api-key': 'a' })
    const release = await admission.reserve(a, dollars)
    const second = await admission.reserve(a, 0.5).catch(() => 'refused')
    expect(second).toEqual(dollars > 0 ? 'refused' : expect.any(Function))
    release()
    expect(await admission.reserve(a, 0.4)).toBeTypeOf('function')
  },
)

test('so many at a time, so many in line, in order; whoever goes away leaves the line', async () => {
  const { enter, refused, admission, state } = admissionOf({ maxConcurrency: 1, maxQueue: 2 })
  const first = await enter()
  const order: string[] = []
  let goAway: Parameters<OnGone>[0] = never
  const gone = enter(undefined, tell => {
    goAway = tell
  }).catch(({ error }) => error.code)
  const second = enter().then(place => {
    order.push('second')
    return place
  })
  expect([admission.running(), admission.waiting()]).toEqual([1, 2])
  expect(await refused()).toEqual({
    status: 503,
    type: 'server_error',
    code: 'server_overloaded',
    message: 'Too many requests are under way. Try again soon.',
    retryAfter: 1,
  })
  goAway(clientGone())
  expect(await gone).toBe('client_gone')
  const third = enter().then(() => order.push('third'))
  expect(admission.waiting()).toBe(2)
  first()
  ;(await second)()
  await third
  expect(order).toEqual(['second', 'third'])
  state.limits = { ...state.limits, maxConcurrency: 2 }
  await enter()
  expect([admission.running(), admission.waiting()]).toEqual([2, 0])
})

test.each([
  ['told of it', (admission: { fillPlaces(): void }) => admission.fillPlaces(), 2],
  ['somebody new comes', () => {}, 3],
])('more places go to those in line, in order, and to nobody before them: when %s', async (_, wake, served) => {
  const { enter, admission, state } = admissionOf({ maxConcurrency: 1 })
  await enter()
  const order: string[] = []
  const wait = (name: string) => enter().then(() => order.push(name))
  void wait('first')
  void wait('second')
  void wait('third')
  state.limits = { ...state.limits, maxConcurrency: served + 1 }
  wake(admission)
  if (served === 3) void wait('new')
  await new Promise(resolve => setImmediate(resolve))
  expect(order).toEqual(['first', 'second', 'third'].slice(0, served))
  expect([admission.running(), admission.waiting()]).toEqual([served + 1, 1])
})

test('fewer places: nobody is let in until so many have left', async () => {
  const { enter, admission, state } = admissionOf({ maxConcurrency: 3 })
  const places = [await enter(), await enter(), await enter()]
  const waits = enter()
  state.limits = { ...state.limits, maxConcurrency: 1 }
  for (const leave of places.slice(0, 2)) leave()
  expect([admission.running(), admission.waiting()]).toEqual([1, 1])
  places[2]!()
  await waits
  expect([admission.running(), admission.waiting()]).toEqual([1, 0])
})

test('it is told when all have left who were let in so far, whoever comes later', async () => {
  const { admission, enter } = admissionOf({ maxConcurrency: 2 })
  await admission.whenLeft()
  const [first, second] = [await enter(), await enter()]
  const third = enter()
  let isTold = false
  const told = admission.whenLeft().then(() => {
    isTold = true
  })
  first()
  const late = await third
  await Promise.resolve()
  expect(isTold).toBe(false)
  second()
  await told
  expect(admission.running()).toBe(1)
  late()
  expect(admission.running()).toBe(0)
})

test('a new key has 256 random bits, and is found by its hash', () => {
  const made = [createKey(), createKey()]
  expect(made[0]!.key).toMatch(/^llmr-[\w-]{43}$/)
  expect(made[0]!.key).not.toBe(made[1]!.key)
  const find = createKeyRing(made.map(({ sha256: hash }, i) => ({ name: String(i), sha256: hash })))
  expect(find(made[1]!.key)?.name).toBe('1')
  expect(find(made[1]!.sha256)).toBeUndefined()
})

test.each<[string, Record<string, string>, string | undefined]>([
  ['bearer', { authorization: 'bearer k' }, 'k'],
  ['basic', { authorization: `Basic ${btoa('user:k:1')}` }, 'k:1'],
  ['x-api-key', { 'x-api-key': 'k' }, 'k'],
  ['the bearer before others', { authorization: 'Bearer k', 'api-key': 'other' }, 'k'],
  ['none', {}, undefined],
  ['another scheme', { authorization: 'Digest k' }, undefined],
])('a key shown as %s', (_, headers, key) => {
  expect(shownKey(headers)).toBe(key)
})

test('a key of idempotency stays as it is where there are no clients to tell apart', () => {
  const headers = { 'idempotency-key': 'once' }
  expect(ownHeaders(headers, { name: '' })).toBe(headers)
  expect(ownHeaders(headers, { name: 'alice' })).not.toEqual(ownHeaders(headers, { name: 'bob' }))
  expect(ownHeaders({ accept: '*/*' }, { name: 'alice' })).toEqual({ accept: '*/*' })
})
