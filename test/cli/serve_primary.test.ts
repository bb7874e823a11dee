import type { Worker } from 'node:cluster'
import { expect, test } from 'vitest'
import { sentExchange, sentNumber, type ToWorker } from '../../src/cli/serve_messages.ts'
import { createPrimaryState } from '../../src/cli/serve_primary.ts'
import type { Page } from '../../src/server/app.ts'
import type { Exchange } from '../../src/server/server_types.ts'
import { createStickyModels } from '../../src/server/sticky.ts'

const POOL = { models: [{ id: 'big' }, { id: 'small' }], pair: { strong: { id: 'big' }, weak: { id: 'small' } } }

/** A primary, and what a worker of that number is told when it says something. */
function primary() {
  const failures: string[] = []
  const state = createPrimaryState({
    onDrift() {},
    onFailure: detail => failures.push(detail),
    placeOf: ({ id }) => id,
  })
  const told: ToWorker[] = []
  const dead = new Set<number>()
  const workerOf = (id: number) => ({
    ...{ id, isConnected: () => true, isDead: () => dead.has(id) },
    send: (message: ToWorker) => told.push(message),
  })
  /** By JSON, as by the channel of a process. */
  const hear = async (message: unknown, worker = 1) => {
    await state.hear(workerOf(worker) as unknown as Worker, JSON.parse(JSON.stringify(message)))
    return told.splice(0)
  }
  const die = (worker: number) => {
    dead.add(worker)
    state.forget(workerOf(worker) as unknown as Worker)
  }
  const page = async (name: 'metrics' | 'status') => {
    const [message] = await hear({ kind: 'page', id: 0, page: name })
    return (message as { answer: Page }).answer
  }
  return { hear, die, page, failures }
}

const exchange = (more: Partial<Exchange>): Exchange => ({
  ...{ id: '1', client: { name: '' }, path: '/v1/chat/completions', asked: 'auto', started: 0 },
  ...{ request: { prompt: 'hi' }, status: 200, model: 'small', isStream: false, isCached: false, latency: 1 },
  ...{ ending: 'whole', attempts: [] },
  ...more,
})

test.each([
  [Number.POSITIVE_INFINITY, 'win rate 0.400 &#60; Infinity'],
  [Number.NEGATIVE_INFINITY, 'win rate 0.400 ≥ -Infinity'],
])('a threshold of %d reaches the status page', async (threshold, shown) => {
  const { hear, page } = primary()
  await hear({ kind: 'routed', routed: { pool: POOL, policyId: 'threshold' } })
  const model = threshold > 0 ? 'small' : 'big'
  const decision = { ...{ model, models: [model], plan: 'single' as const }, policy: 'threshold', strategy: 'length' }
  const routed = exchange({ model, decision: { ...decision, winRate: 0.4, threshold } })
  await hear({ kind: 'exchanges', exchanges: [sentExchange(routed)], refused: [] })
  const { status, body } = await page('status')
  expect([status, body.includes(shown)]).toEqual([200, true])
})

test('what may cost without end takes all that is left of a budget', async () => {
  const { hear } = primary()
  const client = { name: 'a', dailyBudget: 1 }
  const reserve = (id: number) => hear({ kind: 'reserve', id, client, dollars: sentNumber(Number.POSITIVE_INFINITY) })
  expect(await reserve(1)).toEqual([{ kind: 'answer', id: 1, answer: null }])
  expect(await reserve(2)).toMatchObject([{ answer: { status: 429, code: 'rate_limit_exceeded' } }])
})

test('a request is let in whose only hindrance is one that ends a moment later, as its worker tells', async () => {
  const { hear, die } = primary()
  const client = { name: 'a', dailyBudget: 1 }
  const reserve = { kind: 'reserve', client, dollars: 1 }
  await hear({ ...reserve, id: 1 })
  const next = hear({ ...reserve, id: 5 }, 2)
  setTimeout(() => hear({ kind: 'release', id: 1 }), 20)
  expect(await next).toEqual([{ kind: 'answer', id: 5, answer: null }])
  expect(await hear({ kind: 'take', id: 2, client })).toMatchObject([{ answer: { status: 429 } }])
  // Of a worker that died while it was waited for nothing stays set aside.
  const late = hear({ ...reserve, id: 3 })
  die(2)
  die(1)
  await late
  expect(await hear({ ...reserve, id: 6 }, 3)).toMatchObject([{ answer: null }])
})

test('a worker that starts is told of all conversations before it, once', async () => {
  const { hear } = primary()
  const routed = { kind: 'routed', routed: { pool: POOL, policyId: 'threshold' } }
  const hashes = Array.from({ length: 12_000 }, (_, i) => i + 1)
  await hear({ kind: 'kept', model: 'big', hashes })
  await hear({ kind: 'kept', model: 'small', hashes: [5] })
  const sticky = createStickyModels()
  for (const message of await hear(routed, 2)) if (message.kind === 'kept') sticky.learn(message)
  const known = sticky.all().map(({ model, hashes }) => [model, hashes.toSorted((a, b) => a - b)])
  expect(known).toEqual([
    ['big', hashes.toSpliced(4, 1)],
    ['small', [5]],
  ])
  const again = await hear(routed, 2)
  expect(again.filter(({ kind }) => kind === 'kept')).toEqual([])
})

test('a question whose answer fails is answered so, and the failure is told', async () => {
  const { hear, page, failures } = primary()
  await hear({ kind: 'routed', routed: { pool: { models: null }, policyId: 'threshold' } })
  expect(await page('status')).toMatchObject({ status: 500, body: expect.stringContaining('internal_error') })
  expect(await hear({ kind: 'take', id: 7, client: null })).toMatchObject([{ id: 7, answer: { status: 500 } }])
  expect(failures).toEqual([expect.stringContaining('TypeError'), expect.stringContaining('TypeError')])
})
