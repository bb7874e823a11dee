import { expect, test } from 'vitest'
import type { MergeRule } from '../../src/types.ts'
import { largestGroup } from '../../src/upstream/merge.ts'
import { carryOut } from '../../src/upstream/plan.ts'
import { failure, fakeParts, planned, type Said } from '../helpers/fake_caller.ts'

const merged = async (merge: MergeRule, said: Readonly<Record<string, readonly Said[]>>) => {
  const parts = fakeParts(said)
  const models = Object.keys(said).filter(id => id !== 'judge')
  return { answer: await carryOut(planned({ models, plan: 'all', merge }), parts), parts }
}

test.each([
  [
    ['4', '5', '4.0'],
    [0, 2],
  ],
  [['5', 'The answer is four', 'It is 5'], [0]],
  [
    ['The answer is B.', '(b)', 'B) Paris'],
    [0, 1, 2],
  ],
  [
    ['\\boxed{1,000}', 'so\n#### 1000', 'one thousand'],
    [0, 1],
  ],
  [
    ['a', 'b', 'b', 'a'],
    [0, 3],
  ],
  [
    ['Paris', 'paris.', '**PARIS**'],
    [0, 1, 2],
  ],
])('majority of %j', (texts, group) => {
  expect(largestGroup(texts.map(text => ({ text, body: {} })))).toEqual(group)
})

test('judge: one call that sees all; its last mark counts', async () => {
  const { answer, parts } = await merged(
    { by: 'judge', judge: 'judge' },
    { a: ['first'], b: ['second'], judge: ['Not [[1]]. [[2]]'] },
  )
  expect(answer).toMatchObject({ model: 'b', text: 'second', how: 'picked by judge of 2', cost: 0.03 })
  const seen = JSON.stringify(parts.calls.at(-1)!.body)
  expect(seen).toContain('<answer_1>\\nfirst\\n</answer_1>')
  expect(seen).toContain('<request>\\nHow many?\\n</request>')
})

test.each<[string, Said]>([
  ['says nothing that can be read', 'both are nice'],
  ['names an answer that is not there', '[[3]]'],
  ['fails', failure('judge')],
])('a judge that %s leaves it to the majority', async (_, said) => {
  const { answer } = await merged({ by: 'judge', judge: 'judge' }, { a: ['7'], b: ['8'], judge: [said] })
  expect(answer).toMatchObject({ model: 'a', how: 'majority, 1 of 2, since the judge gave no verdict' })
})

test('best_of_n: the highest rating, of equal ones the earliest', async () => {
  const rated = (...ratings: string[]) =>
    merged({ by: 'best_of_n', judge: 'judge' }, { a: ['x'], b: ['y'], c: ['z'], judge: ratings })
  const { answer } = await rated('[[3]]', '[[9]]', '[[9]]')
  expect(answer).toMatchObject({ model: 'b', how: 'rated 0.9 by judge, best of 3' })
  expect(answer.calls.map(({ score }) => score)).toEqual([0.3, 0.9, 0.9, undefined, undefined, undefined])
  expect((await rated('no', '[[2]]', 'no')).answer.model).toBe('b')
  expect((await rated('no', 'no', '[[11]]')).answer.how).toBe('majority, 1 of 3, since the judge gave no rating')
})

test('concatenate: all, each under its model', async () => {
  const { answer } = await merged({ by: 'concatenate' }, { a: ['x'], b: ['y'] })
  expect(answer.text).toBe('## a\n\nx\n\n## b\n\ny')
})

test('a refusal is an answer that says something', async () => {
  const refusing = { text: '', refusal: 'I cannot.' }
  const all = await merged({ by: 'concatenate' }, { a: ['x'], b: [refusing] })
  expect(all.answer.text).toBe('## a\n\nx\n\n## b\n\nI cannot.')
  const { parts } = await merged({ by: 'judge', judge: 'judge' }, { a: ['x'], b: [refusing], judge: ['[[2]]'] })
  expect(JSON.stringify(parts.calls.at(-1)!.body)).toContain('<answer_2>\\nI cannot.\\n</answer_2>')
  const most = await merged({ by: 'majority' }, { a: [''], b: [refusing], c: [refusing] })
  expect(most.answer).toMatchObject({ model: 'b', how: 'majority, 2 of 3' })
})

test('one answer needs no judge; without one where it is needed it is said', async () => {
  const { parts } = await merged({ by: 'judge', judge: 'judge' }, { a: ['x'], judge: ['[[1]]'] })
  expect(parts.calls).toHaveLength(1)
  await expect(merged({ by: 'judge' }, { a: ['x'], b: ['y'] })).rejects.toThrow(
    "merge by judge: expected a judge, the id of a model, got none. Name it in the policy's options.",
  )
})
