import { expect, test } from 'vitest'
import { createRandom } from '../../src/math/random.ts'
import type { DriftState } from '../../src/server/drift.ts'
import type { Exchange } from '../../src/server/server_types.ts'
import { createSharedState, type Routed } from '../../src/server/shared_state.ts'

const pair = { strong: { id: 'big' }, weak: { id: 'small' } }
const ROUTED: Routed = {
  ...{ pool: { models: [pair.strong, pair.weak], pair }, policyId: 'threshold', strategyId: 'mf' },
  ...{ threshold: 0.4, strongTarget: 0.5 },
}

/** A state that routes as said, its alarms, and what it shows. */
function stateOf(routed = ROUTED) {
  const alarms: DriftState[] = []
  const state = createSharedState({
    now: () => 0,
    gauge: { running: () => 0, waiting: () => 0 },
    onDrift: drift => alarms.push(drift),
    processes: async () => [],
  })
  state.describe(routed)
  const see = (isStrong: boolean, policy = 'threshold') => {
    const model = isStrong ? 'big' : 'small'
    state.see({
      ...{ id: '1', client: { name: '' }, path: '/v1/chat/completions', asked: 'auto', started: 0 },
      ...{ request: { prompt: 'hi' }, decision: { model, models: [model], plan: 'single', policy }, model },
      ...{ status: 200, isStream: false, isCached: false, latency: 1, ending: 'whole', attempts: [] },
    } satisfies Exchange)
  }
  const shown = async () => /^llmroute_strong_share (.*)$/m.exec((await state.metrics()).body as string)?.[1]
  return { state, alarms, see, shown }
}

test('conversations that keep their model are one decision each: few of them, however long, are noise', () => {
  for (let seed = 0; seed < 5; seed++) {
    const random = createRandom(seed)
    const { alarms, see } = stateOf()
    for (let conversation = 0; conversation < 400; conversation++) {
      const isStrong = random() < 0.5
      see(isStrong)
      for (let turn = 1; turn < 20; turn++) see(isStrong, 'sticky')
    }
    expect(alarms).toEqual([])
  }
})

test('decisions that drift are told once, however many turns lie between them', () => {
  const { alarms, see } = stateOf()
  for (let i = 0; i < 300; i++) {
    see(i % 10 === 0)
    see(true, 'sticky')
  }
  expect(alarms).toEqual([expect.objectContaining({ target: 0.5, isDrifting: true })])
})

test.each<[string, Partial<Routed>]>([
  ['strategy', { strategyId: 'random' }],
  ['threshold', { threshold: 0.3 }],
  ['target', { strongTarget: 0.4 }],
])('another %s begins anew, and what changes nothing of it does not', async (_, change) => {
  const { state, alarms, see, shown } = stateOf()
  for (let i = 0; i < 250; i++) see(true)
  expect([alarms.length, await shown()]).toEqual([1, '1'])
  state.describe({ ...ROUTED, pool: { ...ROUTED.pool } })
  expect(await shown()).toBe('1')
  state.describe({ ...ROUTED, ...change })
  expect(await shown()).toBe('Nan')
  for (let i = 0; i < 250; i++) see(i % 2 === 0)
  expect([alarms.length, await shown()]).toEqual([1, '0.5'])
})
