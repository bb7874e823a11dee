import { expect, test } from 'vitest'
import { create } from '../../src/policies/static.ts'
import type { RouteRequest, TensorFile } from '../../src/types.ts'
import { partsOf, poolOf } from '../helpers/policy_parts.ts'

const pool = poolOf(['a', 'b', 'c'])
const options = { tasks: { code: 'a', own: 'b' }, default: 'c' }
const named = (task: unknown, more: Partial<RouteRequest> = {}): RouteRequest => ({
  prompt: '',
  metadata: { task },
  ...more,
})

test('the task that a request names decides, without a classifier; every other goes to the default', async () => {
  const decisions = await create(partsOf(pool, options)).decide([named('code'), named('own'), named('toString')], pool)
  expect(decisions).toEqual([
    {
      model: 'a',
      models: ['a'],
      plan: 'single',
      policy: 'static',
      reasons: [{ kind: 'rule', name: 'task code', weight: 1 }],
      alternatives: [
        { model: 'c', reason: 'the default' },
        { model: 'b', reason: 'for other tasks: own' },
      ],
    },
    expect.objectContaining({ model: 'b' }),
    expect.objectContaining({
      model: 'c',
      reasons: [{ kind: 'rule', name: 'task toString: the default, since it is not in tasks', weight: 0 }],
      alternatives: [
        { model: 'a', reason: 'for other tasks: code' },
        { model: 'b', reason: 'for other tasks: own' },
      ],
    }),
  ])
})

test('a model that the map does not name is an alternative without a task', async () => {
  const [decision] = await create(partsOf(pool, { tasks: { code: 'a' } })).decide([named('code')], pool)
  expect(decision!.alternatives).toEqual([
    { model: 'b', reason: 'no task is given to it' },
    { model: 'c', reason: 'no task is given to it' },
  ])
})

test('a model that cannot serve the request gives way to the default, and that to no answer', async () => {
  const policy = create(partsOf(pool, options))
  const [decision, none] = await policy.decide(
    [named('code', { candidates: [{ id: 'c' }] }), named('code', { candidates: [{ id: 'b' }] })],
    pool,
  )
  expect(decision!.reasons).toEqual([
    { kind: 'rule', name: 'task code: the default, since a is not available', weight: 0 },
  ])
  expect(none).toBeUndefined()
  expect(policy.noAnswer!(named('code'))).toBe(
    'policy static: no model that can serve this request is given for task "code". Add one to tasks, or a default.',
  )
})

test('the type is told from the prompt where nobody names it', async () => {
  const asked: string[] = []
  const classifier = async (id: string): Promise<TensorFile> => {
    asked.push(id)
    throw new Error(`asked for ${id}`)
  }
  const policy = create(partsOf(pool, options, { classifier }))
  await expect(policy.decide([named('code'), { prompt: 'x' }], pool)).rejects.toThrow('asked for task_type')
  expect(asked).toEqual(['task_type'])
})

test.each([
  [{ tasks: { code: 'd' } }, 'policy static: tasks.code: Unknown model "d". Available: a, b, c.'],
  [{ default: 'd' }, 'policy static: default: Unknown model "d". Available: a, b, c.'],
  [{ map: {} }, 'policy static: map: unknown option.'],
  [{ tasks: { code: 1 } }, 'policy static: tasks.code: expected string, got 1.'],
])('%j is refused', (given, message) => {
  expect(() => create(partsOf(pool, given))).toThrow(message)
})
