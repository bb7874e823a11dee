import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/errors.ts'
import { createPoolRouter, isRefusal, requireDecision } from '../../src/routing/pool_router.ts'
import type { Model, ModelStatistics, Policy, Pool, RouteRequest } from '../../src/types.ts'

/** Takes the first candidate, and remembers what it was asked. */
function firstPolicy(answers: (request: RouteRequest) => boolean = () => true) {
  const seen: RouteRequest[] = []
  const policy: Policy = {
    async decide(requests, { models }) {
      seen.push(...requests)
      return requests.map(request => {
        const { id } = (request.candidates ?? models)[0]!
        return answers(request)
          ? { model: id, models: [id], plan: 'single', policy: 'first', alternatives: [{ model: 'small' }] }
          : undefined
      })
    },
  }
  return { policy, seen }
}
const models: Model[] = [
  { id: 'small', contextWindow: 100 },
  { id: 'large', contextWindow: 100_000 },
]

test('a model that cannot serve a request is not seen by the policy, and is an alternative with its reason', async () => {
  const { policy, seen } = firstPolicy()
  const [decision] = await createPoolRouter(policy, { models }).decide([{ prompt: 'hi', needs: { inputTokens: 1000 } }])
  expect(seen[0]!.candidates).toEqual([models[1]])
  expect(decision).toMatchObject({
    model: 'large',
    reasons: [{ kind: 'constraint', name: 'the only model that can serve this request', weight: 1 }],
    alternatives: [{ model: 'small', reason: 'context window of 100 tokens, needed 1,000' }],
  })
})

test('where all can serve it, the request reaches the policy as it came', async () => {
  const { policy, seen } = firstPolicy()
  const request = { prompt: 'hi', metadata: { a: 1 } }
  await createPoolRouter(policy, { models }).decide([request])
  expect(seen[0]).toBe(request)
})

test('tokens are counted where bytes do not show that the prompt fits', async () => {
  const { policy, seen } = firstPolicy()
  const router = createPoolRouter(policy, { models })
  // 40 words: 80 to 240 bytes, 41 tokens and 7 for the marks around them.
  const fits = 'hello '.repeat(40)
  const long = 'hello '.repeat(100)
  const decisions = await router.decide([{ prompt: fits }, { prompt: long }, { prompt: 'hi' }])
  expect(decisions.map(each => requireDecision(each).model)).toEqual(['small', 'large', 'small'])
  expect(seen.map(({ needs }) => needs?.inputTokens)).toEqual([48, 108, undefined])
})

test('a refusal names each model and its reason, and the others of the batch are decided', async () => {
  const { policy, seen } = firstPolicy()
  const router = createPoolRouter(policy, {
    models: [
      { id: 'gpt-4o', contextWindow: 8192 },
      { id: 'mini', contextWindow: 16_000, tags: ['region:us'] },
    ],
  })
  const decided = await router.decide([
    { prompt: 'a' },
    { prompt: 'b', needs: { inputTokens: 9000, tags: ['region:eu'] } },
    { prompt: 'c' },
  ])
  expect(decided.map(isRefusal)).toEqual([false, true, false])
  expect(seen.map(({ prompt }) => prompt)).toEqual(['a', 'c'])
  const message =
    'no model can serve this request: gpt-4o: no tag region:eu; mini: no tag region:eu. Ask for less, or add a model that can to models in llmroute.yaml.'
  expect(decided[1]).toEqual({ refused: message })
  expect(() => requireDecision(decided[1]!)).toThrow(new UsageError(message))
})

describe('a policy without an answer', () => {
  test('gives what it says of it', async () => {
    const { policy } = firstPolicy(({ prompt }) => prompt !== 'b')
    const router = createPoolRouter(
      { ...policy, noAnswer: ({ prompt }) => `nothing for ${prompt}. Add it.` },
      { models },
    )
    const decided = await router.decide([{ prompt: 'a' }, { prompt: 'b' }])
    expect(decided[1]).toEqual({ refused: 'nothing for b. Add it.' })
  })

  test('else says to put it in a chain', async () => {
    const router = createPoolRouter(firstPolicy(() => false).policy, { models })
    expect(await router.decide([{ prompt: 'a' }])).toEqual([
      {
        refused:
          'the policy has no answer for this request. Put it in a chain (policy: chain), with threshold after it.',
      },
    ])
  })
})

describe('models that are not among the candidates', () => {
  const claude: Model = { id: 'claude', endpoint: { baseUrl: 'u', api: 'anthropic' } }
  const pool: Pool = { models: [...models, claude] }
  const reason = "speaks Anthropic's form, this request another"

  test('are told of where several are asked at once', async () => {
    const { policy } = firstPolicy()
    const several: Policy = {
      decide: async (requests, of) => (await policy.decide(requests, of)).map(one => one && { ...one, plan: 'all' }),
    }
    const router = createPoolRouter(several, pool)
    const [decided] = await router.decide([{ prompt: 'a', candidates: models }])
    expect(requireDecision(decided!).alternatives).toContainEqual({ model: 'claude', reason })
  })

  test('are told of where the policy has no answer, beside those that cannot serve the request', async () => {
    const router = createPoolRouter({ ...firstPolicy(() => false).policy, noAnswer: () => 'nothing. Add it.' }, pool)
    const needs = { tags: ['region:eu'] }
    const able: Model = { id: 'able', tags: ['region:eu'] }
    const refused = await router.decide([
      { prompt: 'a', candidates: models },
      { prompt: 'a', candidates: [able, models[0]!], needs },
    ])
    expect(refused).toEqual([
      { refused: `nothing. Add it. Left out: claude: ${reason}.` },
      {
        refused: `nothing. Add it. Left out: ${models[0]!.id}: no tag region:eu; ${models[1]!.id}: not among the candidates of this request; claude: ${reason}.`,
      },
    ])
  })
})

test('an open breaker takes a model out while another can serve the request', async () => {
  const { policy } = firstPolicy()
  const open = new Set(['small'])
  const pool: Pool = {
    models,
    statistics: { of: id => ({ isOpen: open.has(id), openReason: 'HTTP 401', inFlight: 0 }) as ModelStatistics },
  }
  const router = createPoolRouter(policy, pool)
  const choose = async () => requireDecision((await router.decide([{ prompt: 'hi' }]))[0]!)
  expect(await choose()).toMatchObject({
    model: 'large',
    alternatives: [{ model: 'small', reason: 'breaker open: HTTP 401' }],
  })
  open.add('large')
  expect((await choose()).model).toBe('small')
})

test('no requests, no decisions', async () => {
  expect(await createPoolRouter(firstPolicy().policy, { models }).decide([])).toEqual([])
})
