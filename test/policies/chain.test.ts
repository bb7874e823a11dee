import { expect, test } from 'vitest'
import { create } from '../../src/policies/chain.ts'
import type { Policy } from '../../src/types.ts'
import { partsOf, poolOf } from '../helpers/policy_parts.ts'

const pool = poolOf(['a', 'b'])
const asked: Record<string, string[]> = {}
/** Answers prompts that begin with its id. */
const policy = async (id: string): Promise<Policy> => {
  if (!['x', 'y', 'z'].includes(id)) throw new Error(`Unknown policy "${id}"`)
  asked[id] = []
  return {
    noAnswer: () => `${id} has none. Add some.`,
    async decide(requests) {
      asked[id]!.push(...requests.map(({ prompt }) => prompt))
      return requests.map(({ prompt }) =>
        prompt.startsWith(id)
          ? { model: 'a', models: ['a'], plan: 'single', policy: id, reasons: [{ kind: 'rule', name: 'r', weight: 1 }] }
          : undefined,
      )
    },
  }
}
const chain = (options: unknown) => create(partsOf(pool, options, { policy }))

test('the first policy that has an answer decides, and those after it are not asked', async () => {
  const made = await chain({ order: ['x', 'y', 'z'] })
  const prompts = ['y1', 'x1', 'q', 'z1', 'x2']
  const decisions = await made.decide(
    prompts.map(prompt => ({ prompt })),
    pool,
  )
  expect(decisions.map(each => each?.reasons?.[0])).toEqual([
    { kind: 'rule', name: 'x had no answer, y decided, z was not asked', weight: 2 },
    { kind: 'rule', name: 'x decided, y was not asked, z was not asked', weight: 1 },
    undefined,
    { kind: 'rule', name: 'x had no answer, y had no answer, z decided', weight: 3 },
    { kind: 'rule', name: 'x decided, y was not asked, z was not asked', weight: 1 },
  ])
  expect(decisions[0]).toMatchObject({ policy: 'chain', model: 'a', reasons: [{ weight: 2 }, { name: 'r' }] })
  expect(decisions[0]!.alternatives).toEqual([{ model: 'b', reason: 'y decided and says nothing of it' }])
  expect(asked).toEqual({ x: prompts, y: ['y1', 'q', 'z1'], z: ['q', 'z1'] })
})

test('no answer of any says so, and what the last one wants', async () => {
  const made = await chain({ order: ['x', 'y'] })
  expect(made.noAnswer!({ prompt: 'q' })).toBe(
    'policy chain: no policy of x, y has an answer for this request. y has none. Add some.',
  )
})

test.each([
  [
    undefined,
    'policy chain: expected order, got none. Set it in llmroute.yaml (chain: { order: … }) or with --policy-option.',
  ],
  [{ order: [] }, 'policy chain: order: expected >=1, got 0.'],
  [{ order: ['x', 'chain'] }, 'policy chain: order: expected other policies, got chain itself.'],
  [{ order: ['x', 'x'] }, 'policy chain: order: expected each policy once.'],
  [{ order: ['w'] }, 'Unknown policy "w"'],
])('%j is refused', async (options, message) => {
  await expect(chain(options)).rejects.toThrow(message)
})
