import { describe, expect, test } from 'vitest'
import type { AcceptRule } from '../../src/types.ts'
import { scoredText } from '../../src/upstream/accept.ts'
import { judgeAnswers } from '../../src/upstream/judge_answers.ts'
import { carryOut } from '../../src/upstream/plan.ts'
import type { PlanParts } from '../../src/upstream/plan_types.ts'
import { failure, fakeParts, planned, type Said } from '../helpers/fake_caller.ts'

const cascade = async (
  accept: AcceptRule,
  said: Readonly<Record<string, readonly Said[]>>,
  more: Partial<PlanParts> = {},
) => {
  const parts = fakeParts(said, more)
  const models = Object.keys(said).filter(id => id !== 'judge')
  const answer = await carryOut(planned({ models, plan: 'until_accepted', accept }), parts)
  return { answer, parts }
}

describe('self_consistency', () => {
  const accept = { by: 'self_consistency', threshold: 0.6, samples: 3 } as const

  test('accepted where enough samples come to the same', async () => {
    const { answer, parts } = await cascade(accept, { a: ['It is 5', '4', 'the answer is 4.'], b: ['9'] })
    expect(answer).toMatchObject({ model: 'a', text: '4', how: 'accepted at 0.667, 1 of 2' })
    expect(answer.cost).toBeCloseTo(0.03)
    expect(parts.calls.every(({ skipsCache, body }) => skipsCache && body.temperature === 0.7)).toBe(true)
  })

  test('else the next; the last is asked once and taken', async () => {
    const { answer, parts } = await cascade(accept, { a: ['1', '2', '3'], b: ['9'] })
    expect(answer).toMatchObject({ model: 'b', text: '9', how: 'the last of 2' })
    expect(parts.calls).toHaveLength(4)
  })

  test('a sample that fails agrees with none', async () => {
    const { answer } = await cascade(accept, { a: ['1', failure('a'), '1'], b: ['9'] })
    expect(answer.how).toBe('accepted at 0.667, 1 of 2')
    const { answer: second } = await cascade({ ...accept, threshold: 0.7 }, { a: ['1', failure('a'), '1'], b: ['9'] })
    expect(second.model).toBe('b')
  })
})

test('scorer: reads prompt and answer, and its score decides', async () => {
  const seen: (readonly string[])[] = []
  const scorer = async () => async (texts: readonly string[]) => {
    seen.push(texts)
    return Float64Array.of(texts[0]!.includes('good') ? 0.8 : 0.2)
  }
  const accept = { by: 'scorer', threshold: 0.8, checkpoint: 's' } as const
  const { answer } = await cascade(accept, { a: ['bad'], b: ['good'], c: ['unasked'] }, { scorer })
  expect(answer).toMatchObject({ model: 'b', how: 'accepted at 0.8, 2 of 3' })
  expect(answer.calls.map(({ score }) => score)).toEqual([0.2, 0.8])
  expect(seen).toEqual([[scoredText('How many?', 'bad')], [scoredText('How many?', 'good')]])
})

describe('judge', () => {
  const accept = { by: 'judge', threshold: 0.7, judge: 'judge' } as const

  test('its rating decides, and its calls count', async () => {
    const { answer } = await cascade(accept, { a: ['x'], b: ['y'], judge: ['[[6/10]]'] })
    expect(answer).toMatchObject({ model: 'b', cost: 0.03 })
  })

  test('one that fails or says nothing accepts nothing', async () => {
    expect((await cascade(accept, { a: ['x'], b: ['y'], judge: [failure('judge')] })).answer.model).toBe('b')
    expect((await cascade(accept, { a: ['x'], b: ['y'], judge: ['fine'] })).answer.model).toBe('b')
  })
})

describe('max_cost', () => {
  const accept = { by: 'judge', threshold: 0.7, judge: 'judge' } as const
  const price = (prices: Record<string, number | undefined>) => ({
    predictCost: ({ id }: { id: string }) => prices[id],
  })

  test('a try that would pass it is not begun: the best answer so far is taken', async () => {
    const said = { a: [{ text: 'x', cost: 0.2 }], b: [{ text: 'y', cost: 0.2 }], c: ['z'], judge: ['[[3]]', '[[5]]'] }
    const { answer, parts } = await cascade(
      { ...accept, maxCost: 0.5 },
      said,
      price({ a: 0.2, b: 0.2, c: 0.2, judge: 0.01 }),
    )
    expect(answer).toMatchObject({ model: 'b', text: 'y', how: 'not accepted at 0.5, the best there is' })
    expect(answer.calls.at(-1)).toMatchObject({ model: 'c', failure: 'expected $0.2 after $0.42, over max_cost $0.5' })
    expect(parts.calls.flatMap(({ models }) => models.map(({ id }) => id))).not.toContain('c')
    expect(answer.cost).toBeLessThanOrEqual(0.5)
  })

  test('nor is one whose price is not known', async () => {
    const { answer } = await cascade(
      { ...accept, maxCost: 1 },
      { a: ['x'], b: ['y'], judge: ['[[1]]'] },
      price({ a: 0.1, judge: 0.1 }),
    )
    expect(answer.model).toBe('a')
  })

  test('where it allows no try nothing is sent', async () => {
    const parts = fakeParts({ a: ['x'], judge: ['[[1]]'] }, price({ a: 2, judge: 0.1 }))
    const decision = planned({ models: ['a'], plan: 'until_accepted', accept: { ...accept, maxCost: 1 } })
    await expect(carryOut(decision, parts)).rejects.toMatchObject({
      name: 'UpstreamError',
      message:
        'cascade: expected max_cost to allow one try, got $1: a: expected $2 after $0, over max_cost $1. Raise max_cost.',
    })
    expect(parts.calls).toEqual([])
  })
})

test('a model that fails is passed over; where all do every reason is given', async () => {
  const accept = { by: 'self_consistency', threshold: 0.5, samples: 2 } as const
  expect((await cascade(accept, { a: [failure('a')], b: ['9'] })).answer.model).toBe('b')
  await expect(cascade(accept, { a: [failure('a')], b: [failure('b')] })).rejects.toThrow(
    'cascade: expected an answer of one model, got none: a: status 500; b: status 500. Try again later, or name other models.',
  )
})

describe('judgeAnswers', () => {
  const judged = (verdicts: readonly Said[], ...texts: (string | undefined)[]) => {
    const parts = fakeParts({ judge: verdicts })
    const judge = { caller: parts.caller, model: { id: 'judge' } }
    return judgeAnswers(judge, 'How many?', texts, '4').then(result => ({ ...result, parts }))
  }

  test('both orders; where they disagree it is a tie', async () => {
    expect((await judged(['[[A]]', '[[B]]'], 'x', 'y')).scores).toEqual([1, 0])
    expect((await judged(['[[A]]', '[[A]]'], 'x', 'y')).scores).toEqual([0.5, 0.5])
    expect((await judged(['[[C]]', '[[B]]'], 'x', 'y')).scores).toEqual([0.75, 0.25])
    const { parts, cost } = await judged(['[[A]]', '[[B]]'], 'x', 'y')
    expect(cost).toBeCloseTo(0.02)
    expect(JSON.stringify(parts.calls[1]!.body)).toContain('<answer_a>\\ny\\n</answer_a>')
    expect(JSON.stringify(parts.calls[1]!.body)).toContain('<reference>\\n4\\n</reference>')
  })

  test('the same text is a tie, unasked; one order without a verdict leaves the other', async () => {
    expect(await judged([], 'x', ' x')).toMatchObject({ scores: [0.5, 0.5], cost: 0, parts: { calls: [] } })
    expect((await judged(['[[A]]', 'hm'], 'x', 'y')).scores).toEqual([1, 0])
    expect((await judged(['hm', 'hm'], 'x', 'y')).scores).toEqual([undefined, undefined])
  })

  test('of three each score is the mean over the others; one that is missing is left out', async () => {
    const prefersX = ['[[A]]', '[[B]]', '[[A]]', '[[B]]', '[[C]]', '[[C]]']
    expect((await judged(prefersX, 'x', 'y', 'z')).scores).toEqual([1, 0.25, 0.25])
    expect((await judged(['[[A]]', '[[B]]'], 'x', undefined, 'z')).scores).toEqual([1, undefined, 0])
  })

  test('a judge that never answers is an error', async () => {
    await expect(judged([failure('judge')], 'x', 'y')).rejects.toThrow('judge: expected an answer, got status 500.')
  })
})
