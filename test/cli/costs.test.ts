import { expect, test } from 'vitest'
import { costLine } from '../../src/cli/output/costs.ts'

const lineOf = (cost: number, dearest: number) =>
  costLine('batch', {
    ...{ cost, inputTokens: 1000, outputTokens: 20 },
    baselines: [
      { name: 'all strong', model: 'big', cost: dearest },
      { name: 'all weak', model: 'small', cost: 0 },
    ],
  })

test.each([
  [0.25, ': 75.0 % less than all strong.'],
  [1.1, ': 10.0 % more than all strong.'],
  [0.9999, ': as much as all strong.'],
  [12.5, ': 12.5 times as much as all strong.'],
])('$%d against $1', (cost, end) => {
  expect(lineOf(cost, 1).trimEnd()).toMatch(new RegExp(`all weak \\(small\\) \\$0\\.00${end.replaceAll('.', '\\.')}$`))
})

test('against nothing there is no share', () => {
  expect(lineOf(0, 0)).toBe('batch: $0.00 for 1,000 + 20 tokens; all strong (big) $0.00, all weak (small) $0.00.\n')
})
