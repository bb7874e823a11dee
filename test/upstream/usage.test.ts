import { expect, test } from 'vitest'
import { completeUsage, costOf, readTokens } from '../../src/upstream/usage.ts'

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
  expect(readTokens(usage)).toEqual(expected)
})

test.each([undefined, null, 'x', {}, { total_tokens: 2 }, { prompt_tokens: 9e15, completion_tokens: 2e8 }])(
  '%j does not say',
  usage => {
    expect(readTokens(usage)).toEqual({})
  },
)

test.each([
  [{ prompt_tokens: 7 }, { inputTokens: 7, outputTokens: 25, isEstimated: true }],
  [
    { prompt_tokens: 7, prompt_tokens_details: { cached_tokens: 5 } },
    { inputTokens: 7, outputTokens: 25, cachedInputTokens: 5, isEstimated: true },
  ],
  [
    { prompt_tokens: 7, total_tokens: 2 },
    { inputTokens: 7, outputTokens: 25, isEstimated: true },
  ],
  [
    { prompt_tokens: -1, completion_tokens: 1 },
    { inputTokens: 10, outputTokens: 1, isEstimated: true },
  ],
  [
    { prompt_tokens: '1', completion_tokens: 1 },
    { inputTokens: 10, outputTokens: 1, isEstimated: true },
  ],
  [
    { input_tokens: 3, cache_read_input_tokens: 4 },
    { inputTokens: 7, outputTokens: 25, cachedInputTokens: 4, isEstimated: true },
  ],
  [{ output_tokens: 3 }, { inputTokens: 10, outputTokens: 3, isEstimated: true }],
  [null, { inputTokens: 10, outputTokens: 25, isEstimated: true }],
])('%j: the rest is estimated', (usage, expected) => {
  const request = { prompt: 'x'.repeat(40) }
  expect(
    completeUsage(
      readTokens(usage),
      () => request,
      () => 100,
    ),
  ).toEqual(expected)
})

test('what an answer says is not estimated', () => {
  const unasked = () => {
    throw new Error('not to be asked')
  }
  const usage = { inputTokens: 1, outputTokens: 2, isEstimated: false }
  expect(completeUsage({ inputTokens: 1, outputTokens: 2 }, unasked, unasked)).toEqual(usage)
})

test('a price that is not known is not guessed; a cached one that is not known is that of other input', () => {
  const usage = { inputTokens: 1e6, outputTokens: 1e6, cachedInputTokens: 4e5, isEstimated: false }
  expect(costOf({ id: 'm', inputPrice: 2, outputPrice: 10, cachedInputPrice: 1 }, usage)).toBeCloseTo(11.6, 9)
  expect(costOf({ id: 'm', inputPrice: 2, outputPrice: 10 }, usage)).toBeCloseTo(12, 9)
  expect(costOf({ id: 'm', inputPrice: 2 }, usage)).toBeUndefined()
  expect(costOf({ id: 'm', outputPrice: 2, cachedInputPrice: 1 }, usage)).toBeUndefined()
  expect(costOf({ id: 'm', inputPrice: 0, outputPrice: 0 }, usage)).toBe(0)
})
