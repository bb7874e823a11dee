import { describe, expect, test, vi } from 'vitest'
import type { Model } from '../../src/types.ts'
import type { FailureCategory } from '../../src/upstream/attempt_failure.ts'
import { carryOut } from '../../src/upstream/plan.ts'
import type { Attempt, CallError } from '../../src/upstream/upstream_types.ts'
import { failure, fakeParts, planned } from '../helpers/fake_caller.ts'

describe('single', () => {
  test('the chosen, then the rest of the decision, then fallbacks, each once', async () => {
    const parts = fakeParts({ a: ['hi'], b: [''], c: [''] }, { fallbacks: [{ id: 'b' }, { id: 'c' }] })
    const answer = await carryOut(planned({ models: ['a', 'b'], plan: 'single' }), parts)
    expect(parts.calls[0]!.models.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
    expect(answer).toMatchObject({ model: 'a', text: 'hi', cost: 0.01, calls: [{ model: 'a', purpose: 'answer' }] })
    expect(answer).not.toHaveProperty('how')
  })

  test('text comes as it comes', async () => {
    const onText = vi.fn()
    await carryOut({ ...planned({ models: ['a'], plan: 'single' }), onText }, fakeParts({ a: ['hi'] }))
    expect(onText.mock.calls).toEqual([['hi']])
  })
})

describe('all', () => {
  const all = (models: string[], merge?: object) =>
    planned({ models, plan: 'all', ...(merge ? { merge: { by: 'majority', ...merge } } : {}) })

  test('usage, cost and attempts are those of all calls; a cost that is not known makes the sum so', async () => {
    const onText = vi.fn()
    const answer = await carryOut({ ...all(['a', 'b']), onText }, fakeParts({ a: ['4'], b: ['four is 4'] }))
    expect(answer).toMatchObject({ text: '4', cost: 0.02, usage: { inputTokens: 20, outputTokens: 10 } })
    expect(answer.attempts.map(({ model }) => model)).toEqual(['a', 'b'])
    expect(onText.mock.calls).toEqual([['4']])
    const unpriced = fakeParts({ a: ['4'], b: [{ text: '4', cost: Number.NaN }] })
    expect(await carryOut(all(['a', 'b']), unpriced)).not.toHaveProperty('cost')
  })

  test('one that fails is left out and named', async () => {
    const answer = await carryOut(all(['a', 'b', 'c']), fakeParts({ a: [failure('a')], b: ['7'], c: ['7.0'] }))
    expect(answer).toMatchObject({ model: 'b', text: '7', how: 'majority, 2 of 2' })
    expect(answer.calls.at(-1)).toMatchObject({ model: 'a', failure: 'status 500' })
    expect(answer.attempts).toHaveLength(3)
  })

  test('after the deadline what is not there is left out, and its call cancelled', async () => {
    vi.useFakeTimers()
    try {
      const parts = fakeParts({ a: [{ text: 'late', after: 10_000 }], b: ['7'] })
      const answering = carryOut(all(['a', 'b'], { deadline: 500 }), parts)
      await vi.advanceTimersByTimeAsync(500)
      const answer = await answering
      expect(answer).toMatchObject({ model: 'b', how: 'the only answer' })
      expect(answer.calls.at(-1)).toMatchObject({ model: 'a', failure: 'no answer in 500 ms' })
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  test('fewer answers than must be there are an error with every reason', async () => {
    await expect(carryOut(all(['a', 'b'], { atLeast: 2 }), fakeParts({ a: [failure('a')], b: ['7'] }))).rejects.toThrow(
      'ensemble: expected 2 answers or more, got 1: a: status 500. Try again later, or name other models.',
    )
  })

  test('a signal ends all of them with its reason', async () => {
    const stop = new AbortController()
    const parts = fakeParts({ a: [{ text: 'late', after: 10_000 }], b: [{ text: 'late', after: 10_000 }] })
    const answering = carryOut({ ...all(['a', 'b']), signal: stop.signal }, parts)
    stop.abort(new Error('enough'))
    await expect(answering).rejects.toThrow('enough')
  })

  test('what was tried before a signal ended it is known', async () => {
    const stop = new AbortController()
    const attempts: Attempt[] = []
    const parts = fakeParts({ a: ['4'], b: [{ text: 'late', after: 10_000 }] })
    const answering = carryOut({ ...all(['a', 'b']), signal: stop.signal, attempts }, parts)
    setImmediate(() => stop.abort(new Error('enough')))
    await expect(answering).rejects.toThrow('enough')
    expect(attempts).toMatchObject([{ model: 'a', status: 200 }])
  })
})

test.each<[string, Parameters<typeof planned>[0]]>([
  ['an ensemble', { models: ['a', 'b'], plan: 'all', merge: { by: 'judge', judge: 'j' } }],
  ['an ensemble that rates', { models: ['a', 'b'], plan: 'all', merge: { by: 'best_of_n', judge: 'j' } }],
  ['a cascade', { models: ['a', 'b'], plan: 'until_accepted', accept: { by: 'judge', judge: 'j', threshold: 0.5 } }],
])('the judge of %s has no key: nobody is asked', async (_, decision) => {
  const keyed: Model = { id: 'j', endpoint: { baseUrl: 'http://127.0.0.1:1/v1', keyVariable: 'TEST_NO_SUCH_KEY' } }
  const known = fakeParts({ a: ['4'], b: ['5'] })
  const parts = { ...known, modelOf: (id: string) => (id === 'j' ? keyed : known.modelOf(id)) }
  await expect(carryOut(planned(decision), parts)).rejects.toThrow(
    'Model j: expected a key in the environment variable TEST_NO_SUCH_KEY, got none. Set it.',
  )
  expect(parts.calls).toEqual([])
  const alone = await carryOut(planned({ ...decision, models: ['a'] }), parts)
  expect(alone.text).toBe('4')
})

describe.each([
  ['all', 'ensemble: expected 1 answer or more, got 0'],
  ['until_accepted', 'cascade: expected an answer of one model, got none'],
] as const)('no model answers under %s', (plan, expected) => {
  const accept = { by: 'judge', judge: 'j', threshold: 0.5 } as const
  const failed = (a: CallError, b: CallError) =>
    carryOut(planned({ models: ['a', 'b'], plan, accept }), fakeParts({ a: [a], b: [b], j: ['[[5]]'] })).catch(e => e)

  test.each<[FailureCategory, FailureCategory, string]>([
    ['request', 'request', 'Check the request'],
    ['account', 'account', 'Check the keys and the credit of their accounts'],
    ['request', 'other', 'Try again later'],
    ['rate_limit', 'rate_limit', 'Try again later'],
  ])('%s and %s: %s', async (first, second, advice) => {
    const error = await failed(failure('a', 490, first), failure('b', 491, second))
    const told = `${expected}: a: status 490; b: status 491.`
    expect(error).toMatchObject({
      ...{ message: `${told} ${advice}, or name other models.`, told },
      isRequestRefused: advice === 'Check the request',
      isAccountRefused: first === 'account',
    })
  })
})
