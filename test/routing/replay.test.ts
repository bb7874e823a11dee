import { expect, test } from 'vitest'
import { leastLambda } from '../../src/routing/lambda_search.ts'
import type { LoggedDecision } from '../../src/routing/logged_decision.ts'
import { atThreshold, compareReplay, loggedPair } from '../../src/routing/replay.ts'
import { replayQuality } from '../../src/routing/replay_quality.ts'

const MODELS = [
  { id: 'big', inputPrice: 10, outputPrice: 30, outputTokens: 100 },
  { id: 'small', inputPrice: 1, outputPrice: 2, outputTokens: 50 },
]

/** Requests with the win rates 0.1 to 0.8, of which those from 0.5 on went to `big`. */
const LOG = Array.from({ length: 8 }, (_, i): LoggedDecision => {
  const winRate = (i + 1) / 10
  const [model, other] = winRate >= 0.5 ? ['big', 'small'] : ['small', 'big']
  return {
    time: '2026-01-01T00:00:00.000Z',
    id: `r${i}`,
    promptHash: 'x',
    inputTokens: 1000,
    model: model!,
    models: [model!],
    plan: 'single',
    policy: 'threshold',
    winRate,
    threshold: 0.5,
    alternatives: [{ model: other! }],
  }
})

test('another threshold over logged win rates: shares, predicted dollars and what changes', () => {
  const replayed = LOG.map(logged => ({ logged, decision: atThreshold(logged, 0.7) }))
  const { was, would, changed, refused, requests } = compareReplay(replayed, MODELS)
  expect({ requests, changed, refused }).toEqual({ requests: 8, changed: 2, refused: 0 })
  expect([was.shares, would.shares]).toEqual([
    { small: 0.5, big: 0.5 },
    { small: 0.75, big: 0.25 },
  ])
  const big = (1000 * 10 + 100 * 30) / 1e6
  const small = (1000 * 1 + 50 * 2) / 1e6
  expect(was.cost).toBeCloseTo(4 * big + 4 * small, 12)
  expect(would.cost).toBeCloseTo(2 * big + 6 * small, 12)
  expect(was.paid).toBeNull()
})

test('all weak is the threshold Infinity, in the log as text', () => {
  const logged = {
    ...LOG[7]!,
    model: 'small',
    models: ['small'],
    threshold: 'Infinity',
    alternatives: [{ model: 'big' }],
  }
  expect(loggedPair(logged)).toEqual({ strong: 'big', weak: 'small' })
  expect(atThreshold(logged, 0.8)!.model).toBe('big')
  expect(atThreshold({ ...logged, alternatives: [] }, 0.8)).toBeUndefined()
})

test('lengths of answers in the log count before configured ones; unknown prices make dollars null', () => {
  const logged = LOG.map((line, i) =>
    i === 0 ? { ...line, answer: { model: 'small', outputTokens: 500, cost: 0.002 } } : line,
  )
  const replayed = logged.map(line => ({ logged: line, decision: { models: ['small'], plan: 'single' as const } }))
  const { would, was } = compareReplay(replayed, MODELS)
  expect(would.cost).toBeCloseTo((8 * (1000 * 1 + 500 * 2)) / 1e6, 12)
  expect([was.paid, was.answered]).toEqual([0.002, 1])
  expect(compareReplay(replayed, [{ id: 'small' }]).would.cost).toBeNull()
})

test('refused requests count for no model', () => {
  const replayed = LOG.map((logged, i) => ({ logged, decision: i < 2 ? undefined : logged }))
  const { would, refused, changed } = compareReplay(replayed, MODELS)
  expect({ refused, changed, shares: would.shares }).toEqual({
    refused: 2,
    changed: 0,
    shares: { big: 0.5, small: 0.25 },
  })
})

test('feedback speaks of the model that answered, and of another policy where it agrees', () => {
  const replayed = LOG.map(logged => ({ logged, decision: atThreshold(logged, 0.7) }))
  const scores = new Map([
    ['r0', 0],
    ['r1', 1],
    ['r4', 0.5],
    ['r7', 1],
    ['gone', 0],
  ])
  const { scored, was, byModel, same } = replayQuality(replayed, scores)
  expect(scored).toBe(4)
  expect(was.mean).toBeCloseTo(2.5 / 4, 12)
  expect([byModel.small!.mean, byModel.big!.mean]).toEqual([0.5, 0.75])
  expect([same.requests, same.mean]).toEqual([3, 2 / 3])
  const fellBack = [{ ...replayed[0]!, logged: { ...LOG[0]!, answer: { model: 'big' } } }]
  expect(replayQuality(fellBack, scores).byModel).toMatchObject({ big: { requests: 1 } })
  expect(replayQuality(replayed, new Map()).was).toEqual({ requests: 0, mean: null, low: null, high: null })
})

test('the least lambda: 0 where anything is within, undefined where nothing is, else just enough', async () => {
  const cost = async (lambda: number) => (lambda < 37.5 ? 5 : lambda < 4000 ? 2 : 1)
  expect(await leastLambda(cost, 5)).toBe(0)
  expect(await leastLambda(cost, 2)).toBeCloseTo(37.5, 3)
  expect(await leastLambda(cost, 3)).toBeGreaterThanOrEqual(37.5)
  expect(await leastLambda(cost, 1)).toBeCloseTo(4000, 1)
  expect(await leastLambda(cost, 0.5)).toBeUndefined()
})
