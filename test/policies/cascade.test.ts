import { describe, expect, test } from 'vitest'
import { create } from '../../src/policies/cascade.ts'
import type { Model, RouteRequest } from '../../src/types.ts'
import { partsOf } from '../helpers/policy_parts.ts'

const model = (id: string, price?: number, outputTokens?: number): Model => ({
  id,
  ...(price === undefined ? {} : { inputPrice: price, outputPrice: price }),
  ...(outputTokens === undefined ? {} : { outputTokens }),
})
const decideOne = async (models: Model[], options: unknown = {}, more: Partial<RouteRequest> = {}) =>
  (
    await create(partsOf({ models }, options)).decide([{ prompt: '', needs: { inputTokens: 1000 }, ...more }], {
      models,
    })
  )[0]

describe('order', () => {
  test('is cheapest first by predicted cost, which a talkative model can lose by', async () => {
    expect(await decideOne([model('c', 9, 100), model('a', 2, 9000), model('b', 3, 1000)])).toEqual({
      model: 'b',
      models: ['b', 'c', 'a'],
      plan: 'until_accepted',
      accept: { by: 'self_consistency', threshold: 0.7, samples: 3 },
      policy: 'cascade',
      cost: 0.006,
      reasons: [{ kind: 'score', name: 'cheapest first, by predicted cost', weight: 0.006 }],
      alternatives: [
        { model: 'c', cost: 0.0099, reason: 'tried next where the answer before it is not accepted' },
        { model: 'a', cost: 0.02, reason: 'tried next where the answer before it is not accepted' },
      ],
    })
  })

  test('is by price where a length of answers is not known, without prices last', async () => {
    expect(await decideOne([model('x'), model('c', 9), model('a', 2, 9000), model('y')])).toMatchObject({
      models: ['a', 'c', 'x', 'y'],
      reasons: [{ name: 'cheapest first, by price; models without prices last' }],
    })
  })

  test('is of the pool where no price is known, and says so', async () => {
    expect(await decideOne([model('b'), model('a')])).toMatchObject({
      models: ['b', 'a'],
      reasons: [{ kind: 'rule', name: 'no price is known: order of the pool' }],
    })
  })

  test('is the given one, of the candidates', async () => {
    const models = [model('a', 1), model('b', 2), model('c', 3)]
    const options = { order: ['c', 'b'] }
    expect(await decideOne(models, options)).toMatchObject({
      models: ['c', 'b'],
      reasons: [{ name: 'first of the given order' }],
    })
    expect((await decideOne(models, options, { candidates: models.slice(0, 2) }))!.models).toEqual(['b'])
    expect(await decideOne(models, options, { candidates: models.slice(0, 1) })).toBeUndefined()
  })
})

test('a model that alone passes the budget is left out; where all do, there is no answer', async () => {
  const models = [model('a', 1, 1000), model('b', 5, 1000)]
  expect(await decideOne(models, { max_cost: 0.005 })).toMatchObject({
    models: ['a'],
    accept: { maxCost: 0.005 },
    alternatives: [{ model: 'b', cost: 0.01, reason: 'alone above max_cost' }],
  })
  expect(await decideOne(models, { max_cost: 0.001 })).toBeUndefined()
})

test('a cost that is not known stays within no budget', async () => {
  const models = [model('a', 1, 1000), model('x'), model('y', 1)]
  expect(await decideOne(models, { max_cost: 1 })).toMatchObject({
    models: ['a'],
    alternatives: [
      { model: 'y', reason: 'mean length of an answer not known (output_tokens), so that max_cost does not hold' },
      { model: 'x', reason: 'price not known, so that max_cost does not hold' },
    ],
  })
  expect(await decideOne([model('x')], { max_cost: 0 })).toBeUndefined()
  const needs = { inputTokens: 1000, outputTokens: 500 }
  expect((await decideOne(models, { max_cost: 1 }, { needs }))!.models).toEqual(['a', 'y'])
})

test('a step that is scored counts with all its samples, or with its judge; the last is one call', async () => {
  const models = [model('a', 1, 1000), model('b', 2, 1000)]
  expect((await decideOne(models, { max_cost: 0.006 }))!.models).toEqual(['a', 'b'])
  expect((await decideOne(models, { max_cost: 0.006, samples: 4 }))!.models).toEqual(['b'])
  const judged = { accept: 'judge', judge: 'b', max_cost: 0.005 }
  expect((await decideOne(models, judged))!.models).toEqual(['b'])
  expect((await decideOne(models, { ...judged, max_cost: 0.006 }))!.models).toEqual(['a', 'b'])
})

test.each([
  [
    { accept: 'judge', judge: 'a', threshold: 0.6 },
    { by: 'judge', threshold: 0.6, judge: 'a' },
  ],
  [
    { accept: 'scorer', checkpoint: 's.safetensors' },
    { by: 'scorer', threshold: 0.7, checkpoint: 's.safetensors' },
  ],
  [{ samples: 5 }, { by: 'self_consistency', threshold: 0.7, samples: 5 }],
])('%j is accepted by %j', async (options, accept) => {
  expect((await decideOne([model('a', 1)], options))!.accept).toEqual(accept)
})

test.each([
  [{ accept: 'judge' }, 'policy cascade: expected judge beside accept: judge, got none. Name the model that scores.'],
  [{ accept: 'judge', judge: 'j' }, 'policy cascade: judge: Unknown model "j". Available: a.'],
  [
    { accept: 'scorer' },
    'policy cascade: expected checkpoint beside accept: scorer, got none. Give the path of one that llmroute train made.',
  ],
  [{ order: ['z'] }, 'policy cascade: order: Unknown model "z". Available: a.'],
  [{ threshold: 2 }, 'policy cascade: threshold: expected <=1, got 2.'],
])('%j is refused', (options, message) => {
  expect(() => create(partsOf({ models: [model('a')] }, options))).toThrow(message)
})
