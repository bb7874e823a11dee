import { expect, test } from 'vitest'
import { createBudget, type Reservation } from '../../src/io/budget.ts'

const sure = (cost: number) => ({ cost, isGuess: false })
const guess = (cost: number) => ({ cost, isGuess: true })

test('what is under way counts, and is waited for', () => {
  const budget = createBudget(1, { cost: 0.2, dearest: new Map() })
  const first = budget.reserve(sure(0.5), ['a']) as Reservation
  expect(budget.reserve(sure(0.4), ['b'])).toBe('wait')
  first.settle(0.3)
  expect(budget.spent()).toBeCloseTo(0.5)
  expect(budget.reserve(sure(0.4), ['b'])).toHaveProperty('settle')
})

test('calls that cost more than expected are expected to do so again', () => {
  const budget = createBudget(1, undefined)
  ;(budget.reserve(sure(0.1), ['a']) as Reservation).settle(0.6)
  expect(budget.reserve(sure(0.1), ['a'])).toBe('no')
  expect(budget.reserve(sure(0.1), ['b'])).toHaveProperty('settle')
})

test('a guess says no only where something is known, or nothing is left', () => {
  const budget = createBudget(1, undefined)
  const first = budget.reserve(guess(5), ['a']) as Reservation
  expect(budget.reserve(guess(5), ['a'])).toBe('wait')
  first.settle(0.01)
  // Then what is known counts instead.
  ;(budget.reserve(guess(5), ['a']) as Reservation).settle(0.985)
  expect(budget.spent()).toBeCloseTo(0.995)
  expect(budget.reserve(guess(0.001), ['a'])).toBe('no')
  expect(createBudget(1, { cost: 1, dearest: new Map() }).reserve(guess(5), ['a'])).toBe('no')
})

test('what costs nothing always fits', () => {
  expect(createBudget(1, { cost: 2, dearest: new Map() }).reserve(sure(0), ['a'])).toHaveProperty('settle')
})

test('without a limit everything goes; with one a price must be known', () => {
  expect(createBudget(undefined, undefined).reserve({ cost: undefined, isGuess: false }, ['a'])).toHaveProperty(
    'settle',
  )
  expect(() => createBudget(1, undefined).reserve({ cost: undefined, isGuess: false }, ['a', 'b'])).toThrow(
    '--max-dollars: expected the prices of a, b, got none. Give them input_price and output_price in llmroute.yaml.',
  )
})

test('the dearest of an earlier run counts', () => {
  const budget = createBudget(1, { cost: 0.8, dearest: new Map([['a', 0.3]]) })
  expect(budget.reserve(guess(0.01), ['a'])).toBe('no')
  expect(budget.reserve(guess(0.01), ['b'])).toHaveProperty('settle')
})
