import { describe, expect, test } from 'vitest'
import { countInput, inputTokensAtMost, withInputTokens } from '../../src/policies/input_tokens.ts'
import { expectedOutputTokens, predictedCost, unknownCostReason } from '../../src/policies/predicted_cost.ts'
import type { ModelStatistics, PoolStatistics } from '../../src/types.ts'

const measured = (outputTokens: number): PoolStatistics => ({ of: () => ({ outputTokens }) as ModelStatistics })
const model = { id: 'm', inputPrice: 2, outputPrice: 10, outputTokens: 300 }

describe('predicted cost', () => {
  test('is input tokens × price + expected output tokens × price', () => {
    expect(predictedCost(model, { inputTokens: 1000 })).toBeCloseTo((1000 * 2 + 300 * 10) / 1e6, 12)
  })

  test('takes the measured mean before the configured one, and no more than is allowed', () => {
    expect(expectedOutputTokens(model, {}, measured(500))).toBe(500)
    expect(expectedOutputTokens(model, {}, measured(Number.NaN))).toBe(300)
    expect(expectedOutputTokens(model, { outputTokens: 50 }, measured(500))).toBe(50)
  })

  test('counts cached input at its own price where there is one', () => {
    const needs = { inputTokens: 1000, cachedTokens: 600 }
    expect(predictedCost({ ...model, cachedInputPrice: 0.5 }, needs)).toBeCloseTo(
      (400 * 2 + 600 * 0.5 + 3000) / 1e6,
      12,
    )
    expect(predictedCost(model, needs)).toBeCloseTo((1000 * 2 + 3000) / 1e6, 12)
  })

  test.each([
    ['no price', { id: 'm' }],
    ['half of the prices', { id: 'm', inputPrice: 1 }],
    ['no length of answers', { id: 'm', inputPrice: 1, outputPrice: 1 }],
  ])('is not guessed where there is %s', (_, unknown) => {
    expect(predictedCost(unknown, { inputTokens: 1 })).toBeUndefined()
  })

  test('is nothing of a free model', () => {
    expect(predictedCost({ id: 'm', inputPrice: 0, outputPrice: 0 }, {})).toBe(0)
  })

  test('says what it lacks', () => {
    expect(unknownCostReason({ id: 'm', inputPrice: 1 })).toBe('price not known')
    expect(unknownCostReason({ id: 'm', inputPrice: 1, outputPrice: 1 })).toBe(
      'mean length of an answer not known (output_tokens)',
    )
  })
})

describe('input tokens', () => {
  const text = 'hello '.repeat(2000)
  const turns = [
    { role: 'user', text },
    { role: 'assistant', text: 'hello world' },
    { role: 'user', text: 'hello world' },
  ]

  test('are those given, else those of the text and the marks around it', async () => {
    const needs = await withInputTokens([
      { prompt: 'hello world', needs: { inputTokens: 5, tools: true } },
      { prompt: 'hello world', needs: { otherTokens: 100 } },
    ])
    expect(needs).toEqual([
      { inputTokens: 5, tools: true },
      { inputTokens: 109, otherTokens: 100 },
    ])
  })

  test('of a conversation: what comes before the last answer counts as cached, if it is long', async () => {
    const [long, short] = await withInputTokens([
      { prompt: '', turns },
      { prompt: '', turns: turns.slice(1) },
    ])
    expect(long).toEqual({ inputTokens: 3 + 4 + 2001 + 2 * (4 + 2), cachedTokens: 3 + 4 + 2001 })
    expect(short).toEqual({ inputTokens: 3 + 2 * (4 + 2), cachedTokens: 0 })
  })

  test('of a long request the beginning is counted, and the rest estimated by it', () => {
    let counted = 0
    const count = (text: string) => {
      counted += Buffer.byteLength(text)
      return Buffer.byteLength(text) / 4
    }
    const [half, short] = ['x'.repeat(1e6), 'x'.repeat(1e5)].map(text => ({ role: 'user', text }))
    const inputTokens = 3 + 4 + 5e5
    expect(countInput({ prompt: 'x'.repeat(2e6) }, count).inputTokens).toBe(inputTokens)
    expect(countInput({ prompt: '', turns: [half!, half!] }, count).inputTokens).toBe(inputTokens + 4)
    expect(counted).toBe(2 * 262_144)
    expect(countInput({ prompt: '', turns: [short!, short!] }, count).inputTokens).toBe(3 + 2 * 4 + 5e4)
    expect(counted).toBe(2 * 262_144 + 2e5)
    expect(Math.floor(countInput({ prompt: '漢'.repeat(4e6) }, count).inputTokens)).toBe(3 + 4 + 3e6)
    expect(counted).toBeLessThanOrEqual(3 * 262_144 + 2e5)
  })

  test('are bounded by bytes', () => {
    expect(inputTokensAtMost({ prompt: 'é' })).toBe(9)
    expect(inputTokensAtMost({ prompt: 'é', turns: turns.slice(1) })).toBe(3 + 2 * (4 + 11))
    expect(inputTokensAtMost({ prompt: 'é', needs: { inputTokens: 3 } })).toBe(3)
  })
})
