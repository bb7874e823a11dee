import { expect, test } from 'vitest'
import { createTieBreaker } from '../../src/server/online_threshold.ts'
import type { Exchange } from '../../src/server/server_types.ts'
import { statusPage } from '../../src/server/status_page.ts'
import { createTraffic } from '../../src/server/traffic.ts'
import type { Decision, Model, Pool } from '../../src/types.ts'

const big: Model = { id: 'big', inputPrice: 10, outputPrice: 30 }
const small: Model = { id: 'small', inputPrice: 1, outputPrice: 2 }
const pairOf = (strong: Model, weak: Model): Pool => ({ models: [strong, weak], pair: { strong, weak } })
const calm = { window: 0, share: null, target: null, z: null, isDrifting: false }

const decided = (policy: string, plan: Decision['plan'] = 'single'): Decision => ({
  model: 'small',
  models: ['small'],
  plan,
  policy,
})
const usage = { inputTokens: 1000, outputTokens: 1000, isEstimated: false }
const exchange = (rest: Partial<Exchange>): Exchange => ({
  ...{
    id: 'a',
    client: { name: '' },
    path: '/v1/chat/completions',
    asked: 'auto',
    started: 0,
    request: { prompt: '' },
  },
  ...{ status: 200, ending: 'whole', attempts: [], isStream: false, isCached: false, latency: 1 },
  ...{ model: 'small', usage, cost: 0.003, decision: decided('threshold') },
  ...rest,
})

/** What a tile says, given exchanges. */
function tileOf(name: string, pool: Pool, exchanges: readonly Exchange[], rest = {}): string | undefined {
  const traffic = createTraffic(
    () => 0,
    () => pool,
  )
  for (const one of exchanges) traffic.see(one)
  const parts = { traffic: traffic.snapshot(), drift: calm, pool, policy: 'threshold', isFollowed: false, now: 0 }
  const page = statusPage({ ...parts, ...rest })
  const [, value, note] = new RegExp(`<span>${name}</span><b>([^<]*)</b><i>([^<]*)</i>`).exec(page) ?? []
  return value === undefined ? undefined : `${value} | ${note}`
}
const SAVED = 'Saved against all strong'

test('what was saved is told over the requests that were routed and of which both costs are known', () => {
  const routed = [exchange({}), exchange({ decision: decided('sticky') })]
  expect(tileOf(SAVED, pairOf(big, small), routed)).toBe('92.5 % | spent $0.0060 of $0.0800 over 2 requests')
  const others = [
    exchange({ decision: decided('model'), cost: 1 }),
    exchange({ decision: decided('model'), path: '/v1/embeddings' }),
    exchange({ decision: decided('ensemble', 'all') }),
    exchange({ decision: decided('cascade', 'until_accepted') }),
    exchange({ isCached: true, cost: 0 }),
    exchange({ cost: undefined }),
    exchange({ model: undefined, usage: undefined, cost: undefined, ending: 'failed', status: 502 }),
  ]
  expect(tileOf(SAVED, pairOf(big, small), [...routed, ...others])).toBe(
    '92.5 % | spent $0.0060 of $0.0800 over 2 requests; $1.01 over all',
  )
})

test('input that the provider had in its cache costs what it costs of strong as well', () => {
  const cached = { ...usage, cachedInputTokens: 1000 }
  expect(tileOf(SAVED, pairOf({ ...big, cachedInputPrice: 1 }, small), [exchange({ usage: cached })])).toBe(
    '90.3 % | spent $0.0030 of $0.0310 over 1 request',
  )
})

test('where nothing can be compared it says what was spent, and why', () => {
  const unpriced = exchange({ cost: undefined })
  expect(tileOf('Spent', pairOf(big, { id: 'small' }), [unpriced])).toBe('– | 1 request of unknown cost left out')
  expect(tileOf('Spent', { models: [big, small] }, [exchange({})])).toBe('$0.0030 | no pair to compare with')
  expect(tileOf('Spent', pairOf({ id: 'big' }, small), [exchange({})])).toBe('$0.0030 | prices of strong are not known')
  expect(tileOf('Spent', pairOf(big, small), [exchange({ decision: decided('ensemble', 'all') })])).toBe(
    '$0.0030 | nothing yet to compare with all strong',
  )
})

/** What the page says of an exchange. */
function shownWhy(rest: Partial<Exchange>): string {
  const traffic = createTraffic(
    () => 0,
    () => pairOf(big, small),
  )
  traffic.see(exchange(rest))
  return traffic.snapshot().recent[0]!.why
}

test('where a constraint and not the win rate decided, the page says which', () => {
  const decision: Decision = {
    ...decided('threshold'),
    model: 'big',
    models: ['big'],
    strategy: 'mf',
    winRate: 0.007,
    threshold: 0.05,
  }
  const alternatives = [{ model: 'small', reason: 'cannot read images' }]
  expect(shownWhy({ decision: { ...decision, alternatives }, model: 'big' })).toBe(
    'mf: win rate 0.007 < 0.050, but small: cannot read images',
  )
  expect(shownWhy({ decision, model: 'big' })).toBe('mf: win rate 0.007 < 0.050, but small: could not be asked')
  const reasons = [
    { kind: 'rule', name: 'turn 3', weight: 1 },
    { kind: 'constraint', name: 'the only model that can serve this request', weight: 1 },
  ] as const
  expect(shownWhy({ decision: { ...decided('round_robin'), reasons } })).toBe(
    'round_robin: turn 3; the only model that can serve this request',
  )
})

test('of an answer by another model than the chosen one it says what failed', () => {
  const decision: Decision = {
    ...decided('threshold'),
    model: 'big',
    models: ['big'],
    strategy: 'mf',
    winRate: 0.5,
    threshold: 0.05,
  }
  const attempts = [
    { model: 'big', status: 500, failure: 'status 500', latency: 3 },
    { model: 'big', status: 429, failure: 'status 429', latency: 2 },
    { model: 'small', status: 200, latency: 4 },
  ]
  expect(shownWhy({ decision, attempts })).toBe('mf: win rate 0.500 ≥ 0.050; big failed: status 429 (2 attempts)')
  const again = [
    { model: 'small', status: 500, failure: 'status 500', latency: 3 },
    { model: 'small', status: 200, latency: 4 },
  ]
  expect(shownWhy({ attempts: again })).toBe('threshold')
})

test('a tie that went to weak is told as one', () => {
  const whyOf = (winRate: number, threshold: number) =>
    shownWhy({
      decision: {
        ...decided('threshold'),
        model: winRate < threshold ? 'small' : 'big',
        strategy: 'mf',
        winRate,
        threshold,
      },
    })
  const decide = createTieBreaker()
  expect(whyOf(0.31, decide(0.31, { threshold: 0.31, tiedShare: 0.5 }))).toBe(
    'mf: win rate 0.310 < 0.310 (a tie, the turn of weak)',
  )
  expect(whyOf(0.31, decide(0.31, { threshold: 0.31, tiedShare: 0.5 }))).toBe('mf: win rate 0.310 ≥ 0.310')
  expect(whyOf(0.31, 0.32)).toBe('mf: win rate 0.310 < 0.320')
})

test('a share that drifts: calibrate again, but where the threshold follows by itself', () => {
  const drift = { window: 300, share: 0.2, target: 0.1, z: 6, isDrifting: true }
  const pool = pairOf(big, small)
  expect(tileOf('Share to strong', pool, [], { drift })).toBe('20.0 % | target 10.0 %: drifting, calibrate again')
  expect(tileOf('Share to strong', pool, [], { drift, isFollowed: true })).toBe(
    '20.0 % | target 10.0 %: drifting, the threshold is being moved',
  )
})

test('a stream that did not come whole is no success among the last decisions', () => {
  const traffic = createTraffic(
    () => 0,
    () => pairOf(big, small),
  )
  for (const ending of ['whole', 'cut', 'abandoned', 'stopped'] as const) traffic.see(exchange({ ending }))
  traffic.see(exchange({ ending: 'failed', status: 502 }))
  const parts = { traffic: traffic.snapshot(), drift: calm, pool: pairOf(big, small) }
  const page = statusPage({ ...parts, policy: 'threshold', isFollowed: false, now: 0 })
  const shown = [...page.matchAll(/<td class="n (up|down)">([^<]*)</g)].map(([, kind, text]) => `${kind} ${text}`)
  expect(shown).toEqual(['up 200', 'down 200, cut', 'down 200, abandoned', 'down 200, stopped', 'down 502'])
})
