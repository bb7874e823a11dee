import { expect, test } from 'vitest'
import { costOf, readUsage, roughTokens } from '../../src/upstream/usage.ts'

test.each([
  [
    { prompt_tokens: 10, completion_tokens: 5 },
    { inputTokens: 10, outputTokens: 5 },
  ],
  [
    { prompt_tokens: 10, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 4 } },
    { inputTokens: 10, outputTokens: 5, cachedInputTokens: 4 },
  ],
  [
    { prompt_tokens: 10, completion_tokens: 5, prompt_tokens_details: null },
    { inputTokens: 10, outputTokens: 5 },
  ],
  [
    { prompt_tokens: 10, completion_tokens: 5, prompt_cache_hit_tokens: 99 },
    { inputTokens: 10, outputTokens: 5, cachedInputTokens: 10 },
  ],
  [
    { input_tokens: 10, output_tokens: 5, input_tokens_details: { cached_tokens: 4 } },
    { inputTokens: 10, outputTokens: 5, cachedInputTokens: 4 },
  ],
  [
    { input_tokens: 3, output_tokens: 5, cache_read_input_tokens: 4, cache_creation_input_tokens: 2 },
    { inputTokens: 9, outputTokens: 5, cachedInputTokens: 4 },
  ],
  [
    { prompt_tokens: 2, total_tokens: 2 },
    { inputTokens: 2, outputTokens: 0 },
  ],
  [
    { prompt_tokens: 2, completion_tokens: null, total_tokens: 9 },
    { inputTokens: 2, outputTokens: 7 },
  ],
])('%j', (usage, expected) => {
  expect(readUsage(usage)).toEqual({ ...expected, isEstimated: false })
})

test.each([
  undefined,
  null,
  'x',
  {},
  { prompt_tokens: 1 },
  { prompt_tokens: -1, completion_tokens: 1 },
  { prompt_tokens: '1', completion_tokens: 1 },
  { prompt_tokens: 3, total_tokens: 2 },
  { total_tokens: 2 },
])('%j does not say', usage => {
  expect(readUsage(usage)).toBeUndefined()
})

test('a price that is not known is not guessed; a cached one that is not known is that of other input', () => {
  const usage = { inputTokens: 1e6, outputTokens: 1e6, cachedInputTokens: 4e5, isEstimated: false }
  expect(costOf({ id: 'm', inputPrice: 2, outputPrice: 10, cachedInputPrice: 1 }, usage)).toBeCloseTo(11.6, 9)
  expect(costOf({ id: 'm', inputPrice: 2, outputPrice: 10 }, usage)).toBeCloseTo(12, 9)
  expect(costOf({ id: 'm', inputPrice: 2 }, usage)).toBeUndefined()
  expect(costOf({ id: 'm', outputPrice: 2, cachedInputPrice: 1 }, usage)).toBeUndefined()
  expect(costOf({ id: 'm', inputPrice: 0, outputPrice: 0 }, usage)).toBe(0)
})

test('rough tokens', () => {
  expect([roughTokens(''), roughTokens('a'), roughTokens('abcde'), roughTokens('世界')]).toEqual([0, 1, 2, 2])
})
