import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { create } from '../../src/policies/profile.ts'
import type { Model, RouteRequest } from '../../src/types.ts'
import { partsOf } from '../helpers/policy_parts.ts'

const pool: { models: Model[] } = {
  models: [
    { id: 'sharp', profile: { accuracy: 0.9, speed: 0.2, safety: 1 } },
    { id: 'quick', profile: { accuracy: 0.5, speed: 1 } },
    { id: 'plain' },
  ],
}
const request = (more: Partial<RouteRequest>): RouteRequest => ({ prompt: '', ...more })
const decideOne = async (options: unknown, more: Partial<RouteRequest>) =>
  (await create(partsOf(pool, options)).decide([request(more)], pool))[0]

describe('the priority decides', () => {
  test.each([
    ['accuracy', 'sharp'],
    ['speed', 'quick'],
    ['balanced', 'quick'],
    ['careful', 'sharp'],
  ])('%s: %s', async (priority, model) => {
    const weights = { balanced: { accuracy: 1, speed: 1 }, careful: { accuracy: 3, speed: 1, safety: 0 } }
    expect((await decideOne({ weights }, { priority }))!.model).toBe(model)
  })

  test('with the weighted mean as score, and why others were passed over', async () => {
    expect(await decideOne({ weights: { p: { accuracy: 3, speed: 1 } } }, { priority: 'p' })).toEqual({
      model: 'sharp',
      models: ['sharp'],
      plan: 'single',
      policy: 'profile',
      reasons: [{ kind: 'score', name: 'profile weighted by p', weight: (3 * 0.9 + 0.2) / 4 }],
      alternatives: [
        { model: 'quick', score: (3 * 0.5 + 1) / 4 },
        { model: 'plain', reason: 'lacks a score that counts' },
      ],
    })
  })

  test('by default all scores that every profile has count alike', async () => {
    expect(await decideOne(undefined, {})).toMatchObject({
      model: 'quick',
      reasons: [{ name: 'profile weighted by all scores alike', weight: 0.75 }],
    })
    expect((await decideOne({ default: 'accuracy' }, {}))!.model).toBe('sharp')
  })

  test('among the candidates', async () => {
    expect((await decideOne({}, { priority: 'speed', candidates: [pool.models[0]!] }))!.model).toBe('sharp')
  })
})

test('no answer says why', async () => {
  const policy = create(partsOf(pool, {}))
  const requests = [request({ priority: 'sped' }), request({ candidates: [{ id: 'plain' }] })]
  expect(await policy.decide(requests, pool)).toEqual([undefined, undefined])
  expect(requests.map(each => policy.noAnswer!(each))).toEqual([
    'policy profile: unknown priority "sped". Did you mean "speed"? Available: accuracy, speed, safety.',
    'policy profile: no model that can serve this request has a profile with the scores that count. Add profile to models in llmroute.yaml.',
  ])
})

test.each([
  [{ default: 'sped' }, 'policy profile: default: unknown priority "sped". Did you mean "speed"?'],
  [
    { weights: { p: { sped: 1 } } },
    'policy profile: weights.p: expected a score that a model\'s profile has, got "sped". Did you mean "speed"? Available: accuracy, speed, safety.',
  ],
  [{ weights: { p: { speed: 0 } } }, 'policy profile: weights.p: expected a weight above 0, got none.'],
  [{ weights: { p: { speed: -1 } } }, 'policy profile: weights.p.speed: expected >=0, got -1.'],
])('%j is refused', (options, message) => {
  expect(() => create(partsOf(pool, options))).toThrow(message)
})

test('no candidate has a larger weighted sum than the chosen one', async () => {
  const scores = fc.record({
    x: fc.double({ min: 0, max: 1, noNaN: true }),
    y: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(scores, { minLength: 1, maxLength: 5 }),
      fc.nat(9),
      fc.integer({ min: 1, max: 9 }),
      async (profiles, x, y) => {
        const models = profiles.map((profile, i) => ({ id: `m${i}`, profile }))
        const policy = create(partsOf({ models }, { weights: { p: { x, y } } }))
        const [decision] = await policy.decide([request({ priority: 'p' })], { models })
        const sum = ({ profile }: (typeof models)[number]) => (x * profile.x + y * profile.y) / (x + y)
        const chosen = models.find(({ id }) => id === decision!.model)!
        expect(Math.max(...models.map(sum)) - sum(chosen)).toBeLessThan(1e-12)
      },
    ),
  )
})
