import { expect, test } from 'vitest'
import { bertWinRate, causalWinRate } from '../../src/strategies/label_win_rate.ts'
import { readGolden } from '../helpers/golden.ts'

interface Case {
  readonly router: 'bert' | 'causal_llm'
  readonly logits: number[]
  /** By RouteLLM's formula. */
  readonly routellm: number
  /** Of bert, by ours. */
  readonly winRate?: number
}

const cases = readGolden<Case>('labels')

test.each(cases.filter(({ router }) => router === 'bert'))('bert: $logits', ({ logits, routellm, winRate }) => {
  expect(bertWinRate(logits, 0)).toBeCloseTo(routellm, 9)
  // Deviation: a win rate is P(win) + ½ P(tie), as in Elo. RouteLLM counts a tie for weak, which imported checkpoints keep.
  expect(bertWinRate(logits)).toBeCloseTo(winRate!, 9)
})

test.each(cases.filter(({ router }) => router === 'causal_llm'))('causal_llm: $logits', ({ logits, routellm }) => {
  expect(causalWinRate(logits)).toBeCloseTo(routellm, 9)
})

test('the published vectors, by hand', () => {
  expect(bertWinRate([0.2, -0.1, 0.7], 0)).toBeCloseTo(0.2950253, 7)
  expect(causalWinRate([10.3125, 10.9375, 11.4375, 14.4375, 15.0])).toBeCloseTo(0.0337219, 7)
  expect(causalWinRate(undefined)).toBe(1)
})
