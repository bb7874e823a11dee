import { expect, test } from 'vitest'
import { create } from '../../src/policies/ensemble.ts'
import type { Model, RouteRequest } from '../../src/types.ts'
import { partsOf } from '../helpers/policy_parts.ts'

const models: Model[] = [
  { id: 'a', inputPrice: 1, outputPrice: 2, outputTokens: 500 },
  { id: 'b', inputPrice: 3, outputPrice: 0 },
  { id: 'c' },
]
const decideOne = async (options: unknown, more: Partial<RouteRequest> = {}) =>
  (
    await create(partsOf({ models }, options)).decide([{ prompt: '', needs: { inputTokens: 1000 }, ...more }], {
      models,
    })
  )[0]

test('all models at once by default, of which no cost is known where one has none', async () => {
  expect(await decideOne(undefined)).toEqual({
    model: 'a',
    models: ['a', 'b', 'c'],
    plan: 'all',
    merge: { by: 'majority', atLeast: 1 },
    policy: 'ensemble',
    reasons: [{ kind: 'rule', name: '3 models at once, merged by majority', weight: 3 }],
    alternatives: [],
  })
})

test('those named, at the cost of them all', async () => {
  expect(
    await decideOne({ models: ['b', 'a'], merge: 'judge', judge: 'c', deadline: 5000, at_least: 2 }),
  ).toMatchObject({
    models: ['b', 'a'],
    merge: { by: 'judge', judge: 'c', deadline: 5000, atLeast: 2 },
    cost: 0.005,
    alternatives: [{ model: 'c', reason: 'not one of the ensemble' }],
  })
})

test('a model that cannot serve the request is left out, down to at_least', async () => {
  const candidates = models.slice(0, 1)
  expect((await decideOne({}, { candidates }))!.models).toEqual(['a'])
  expect(await decideOne({ at_least: 2 }, { candidates })).toBeUndefined()
  expect(await decideOne({ models: ['b'] }, { candidates })).toBeUndefined()
})

test.each([
  [
    { merge: 'best_of_n' },
    'policy ensemble: expected judge beside merge: best_of_n, got none. Name the model that chooses.',
  ],
  [{ merge: 'judge', judge: 'j' }, 'policy ensemble: judge: Unknown model "j". Available: a, b, c.'],
  [{ models: ['a', 'a'] }, 'policy ensemble: models: expected each model once.'],
  [{ models: ['d'] }, 'policy ensemble: models: Unknown model "d". Available: a, b, c.'],
  [{ models: ['a'], at_least: 2 }, 'policy ensemble: at_least: expected at most 1, the models named, got 2.'],
])('%j is refused', (options, message) => {
  expect(() => create(partsOf({ models }, options))).toThrow(message)
})
