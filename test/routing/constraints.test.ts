import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { eligible, healthy } from '../../src/routing/constraints.ts'
import type { Model, ModelStatistics, Needs, Pool } from '../../src/types.ts'

const reasonFor = (model: Omit<Model, 'id'>, needs: Needs, others: readonly Model[] = []) => {
  const pool = { models: [{ id: 'm', ...model }, ...others] }
  return eligible({ prompt: '', needs }, pool).refused.find(refused => refused.model === 'm')?.reason
}
const able: Model = { id: 'able', tools: true, vision: true, jsonSchema: true }

describe('a model is refused', () => {
  test.each<[string, Omit<Model, 'id'>, Needs, string]>([
    ['a window', { contextWindow: 8192 }, { inputTokens: 9000 }, 'context window of 8,192 tokens, needed 9,000'],
    [
      'a window with the allowed answer',
      { contextWindow: 8192 },
      { inputTokens: 8000, outputTokens: 193 },
      'context window of 8,192 tokens, needed 8,193',
    ],
    [
      'a full window',
      { contextWindow: 100 },
      { inputTokens: 100 },
      'context window of 100 tokens, needed 100 and room for an answer',
    ],
    [
      'the longest answer',
      { maxOutputTokens: 4096 },
      { outputTokens: 8000 },
      'at most 4,096 tokens of answer, needed 8,000',
    ],
    ['tools', { tools: false }, { tools: true }, 'cannot use tools'],
    ['images', { vision: false }, { vision: true }, 'cannot read images'],
    ['audio', { audio: false }, { audio: true }, 'cannot hear audio'],
    ['video', { video: false }, { video: true }, 'cannot watch video'],
    ['files', { files: false }, { files: true }, 'cannot read files'],
    ['a schema', { jsonSchema: false }, { jsonSchema: true }, 'cannot answer by a JSON schema'],
    ['a tag', { tags: ['region:us', 'x'] }, { tags: ['x', 'region:eu'] }, 'no tag region:eu'],
    ['every tag', {}, { tags: ['a', 'b'] }, 'no tag a, b'],
    [
      'a cap',
      { inputPrice: 10, outputPrice: 20, outputTokens: 100 },
      { inputTokens: 1000, maxCost: 0.01 },
      'predicted cost of $0.012, at most $0.01',
    ],
    [
      'a cap, of the longest answer where no mean is known',
      { inputPrice: 10, outputPrice: 20 },
      { inputTokens: 1000, outputTokens: 100, maxCost: 0.01 },
      'predicted cost of $0.012, at most $0.01',
    ],
    ['an unknown price', {}, { inputTokens: 1, maxCost: 1e9 }, 'price not known, so that no cap on it holds'],
    [
      'an unknown length',
      { inputPrice: 1, outputPrice: 1 },
      { inputTokens: 1, maxCost: 1e9 },
      'mean length of an answer not known (output_tokens), so that no cap on it holds',
    ],
  ])('for %s', (_, model, needs, reason) => {
    expect(reasonFor(model, needs)).toBe(reason)
  })

  test.each<[string, Omit<Model, 'id'>, Needs]>([
    ['a window that fits to the token', { contextWindow: 8192 }, { inputTokens: 8000, outputTokens: 192 }],
    ['a window that is not known', {}, { inputTokens: 1e9 }],
    ['an ability that nobody has told of', {}, { tools: true, vision: true, jsonSchema: true }],
    ['a request that asks for nothing', { tools: false, vision: false, contextWindow: 1 }, {}],
    ['what is free, whatever the length', { inputPrice: 0, outputPrice: 0 }, { maxCost: 0 }],
    [
      'a cost at the cap',
      { inputPrice: 10, outputPrice: 20, outputTokens: 100 },
      { inputTokens: 1000, maxCost: 0.012 },
    ],
  ])('but not for %s', (_, model, needs) => {
    expect(reasonFor(model, needs)).toBeUndefined()
  })

  test('for an ability that it does not claim, where another model does', () => {
    expect(reasonFor({}, { tools: true }, [able])).toBe('cannot use tools, as far as is known')
    expect(reasonFor({}, { vision: true }, [able])).toBe('cannot read images, as far as is known')
    expect(reasonFor({}, { vision: false }, [able])).toBeUndefined()
  })
})

test('candidates keep their order, and every model is either a candidate or refused', () => {
  const model = fc.record(
    {
      contextWindow: fc.integer({ min: 1, max: 100 }),
      tools: fc.boolean(),
      tags: fc.subarray(['a', 'b']),
      inputPrice: fc.constantFrom(0, 1, 9),
      outputPrice: fc.constantFrom(0, 1, 9),
      outputTokens: fc.integer({ min: 0, max: 9 }),
    },
    { requiredKeys: [] },
  )
  const needs = fc.record(
    {
      inputTokens: fc.nat(120),
      outputTokens: fc.nat(50),
      tools: fc.boolean(),
      tags: fc.subarray(['a', 'b']),
      maxCost: fc.constantFrom(0, 1e-5, 1),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.array(model, { maxLength: 5 }), needs, (fields, asked) => {
      const models = fields.map((each, i) => ({ id: `m${i}`, ...each }))
      const { candidates, refused } = eligible({ prompt: '', needs: asked }, { models })
      expect(candidates).toEqual(models.filter(({ id }) => refused.every(({ model }) => model !== id)))
      expect(candidates.length + refused.length).toBe(models.length)
      for (const { contextWindow, tags, tools } of candidates) {
        expect((asked.inputTokens ?? 0) + (asked.outputTokens ?? 0)).toBeLessThanOrEqual(
          asked.inputTokens === undefined ? Number.POSITIVE_INFINITY : (contextWindow ?? Number.POSITIVE_INFINITY),
        )
        for (const tag of asked.tags ?? []) expect(tags).toContain(tag)
        if (asked.tools) expect(tools).not.toBe(false)
      }
    }),
  )
})

describe('health', () => {
  const pool = (open: Readonly<Record<string, string>>): Pool => ({
    models: [{ id: 'a' }, { id: 'b' }],
    statistics: {
      of: id => ({ isOpen: Object.hasOwn(open, id), ...(open[id] ? { openReason: open[id] } : {}) }) as ModelStatistics,
    },
  })

  test('an open breaker takes a model out, with the reason', () => {
    const { candidates, refused } = healthy([{ id: 'a' }, { id: 'b' }], pool({ a: '5 failures in a row' }))
    expect(candidates).toEqual([{ id: 'b' }])
    expect(refused).toEqual([{ model: 'a', reason: 'breaker open: 5 failures in a row' }])
  })

  test('where every breaker is open, all stay', () => {
    const models = [{ id: 'a' }, { id: 'b' }]
    expect(healthy(models, pool({ a: '', b: '' }))).toEqual({ candidates: models, refused: [] })
  })
})
