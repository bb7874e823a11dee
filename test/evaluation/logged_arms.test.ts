import { expect, test } from 'vitest'
import { loggedArms } from '../../src/evaluation/logged_arms.ts'
import type { LoggedDecision } from '../../src/routing/logged_decision.ts'

function logged(id: number, model: string, more: Partial<LoggedDecision> = {}): LoggedDecision {
  return {
    time: '2026-01-01T00:00:00.000Z',
    id: `${id}`,
    promptHash: `hash ${id}`,
    key: `user ${id % 100}`,
    model,
    models: [model],
    plan: 'single',
    policy: 'ab',
    ...more,
  }
}

/** Nine in ten on a, which earns 0.5 at US$ 0.01; b earns 1 at US$ 0.002. */
const decisions = Array.from({ length: 1_000 }, (_, i) =>
  i % 100 < 90
    ? logged(i, 'a', { answer: { model: 'a', cost: 0.01 + (i % 7) / 10_000 } })
    : // The requests on which b failed stay its own.
      logged(i, 'b', { key: `user ${i}`, answer: { model: i % 2 ? 'b' : 'a', cost: 0.002 + (i % 7) / 10_000 } }),
)
const scores = new Map(decisions.map(({ id, model }, i) => [id, model === 'a' ? i % 2 : 1 - Number(i % 10 === 0)]))

test('the largest arm is what the others are compared with, by feedback and by cost', () => {
  const { quality, cost } = loggedArms(decisions, scores)!
  expect(quality).toMatchObject([
    { model: 'a', requests: 900, keys: 90, mean: 0.5 },
    { model: 'b', requests: 100, keys: 100 },
  ])
  expect(quality![1]!.verdict).toMatch(/^is better than a: earns 0\.\d+ more a request, 95 % interval /)
  expect(cost[1]!.verdict).toMatch(/^is cheaper than a: US\$ 0\.00\d+ less a request, /)
})

test('without feedback there is cost alone; requests without either do not count', () => {
  const arms = loggedArms(
    decisions.map(({ answer, ...rest }, i) => (i < 950 && answer ? { ...rest, answer } : rest)),
    undefined,
  )!
  expect(arms).not.toHaveProperty('quality')
  expect(arms.cost.map(({ requests }) => requests)).toEqual([860, 90])
  expect(loggedArms(decisions, new Map())!.quality!.map(({ requests }) => requests)).toEqual([0, 0])
})

test('a log of another policy, or of one arm, has no arms', () => {
  expect(loggedArms([], scores)).toBeUndefined()
  expect(loggedArms([logged(1, 'a'), logged(2, 'a')], scores)).toBeUndefined()
  expect(loggedArms([logged(1, 'a', { policy: 'rules' }), logged(2, 'b', { policy: 'rules' })], scores)).toBeUndefined()
})
