import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/errors.ts'
import { readClassifier } from '../../src/io/embedder_table.ts'
import { create as createContent } from '../../src/policies/content.ts'
import { create as createContext } from '../../src/policies/context.ts'
import type { Policy, Pool, RouteRequest } from '../../src/types.ts'

const [large, small, coder] = [{ id: 'large' }, { id: 'small' }, { id: 'coder' }]
const models = [large!, small!, coder!]
const pool: Pool = { models, pair: { strong: large!, weak: small! } }
const classifier = readClassifier

const content = (options?: unknown, given = pool) => createContent({ options, pool: given, classifier })
const context = (options?: unknown, given = pool) => createContext({ options, pool: given, classifier })
const modelFor = async (policy: Policy, request: RouteRequest | string) => {
  const [decision] = await policy.decide([typeof request === 'string' ? { prompt: request } : request], pool)
  return decision?.model
}

describe('content', () => {
  test('task, topic, sentiment and what is sensitive choose by the first rule of which all holds', async () => {
    const policy = await content({
      rules: [
        { sensitive: ['self_harm', 'credentials'], model: 'large' },
        { task: 'code', model: 'coder' },
        { topic: ['law', 'health'], task: 'question', model: 'large' },
        { sentiment: 'negative', model: 'large' },
      ],
      default: 'small',
    })
    expect(await modelFor(policy, 'Write a Python function that reverses a list.')).toBe('coder')
    expect(await modelFor(policy, 'Write code for me, the password is hunter2hunter2')).toBe('large')
    expect(await modelFor(policy, 'What are the symptoms of pneumonia?')).toBe('large')
    expect(await modelFor(policy, 'This is awful, I hate it and I am furious')).toBe('large')
    expect(await modelFor(policy, 'Write a poem about the sea.')).toBe('small')
  })

  test('the decision says which rule, by what, and what would have been', async () => {
    const policy = await content({ rules: [{ name: 'programs', task: ['code'], model: 'coder' }], default: 'small' })
    expect(await policy.decide([{ prompt: 'Write a Python function that reverses a list.' }], pool)).toEqual([
      {
        model: 'coder',
        models: ['coder'],
        plan: 'single',
        policy: 'content',
        reasons: [{ kind: 'rule', name: 'rule 1 "programs": task code', weight: 1 }],
        alternatives: [
          { model: 'small', reason: 'the default' },
          { model: 'large', reason: 'no rule that matches chooses it' },
        ],
      },
    ])
  })

  test('every later rule that matches says what it would have chosen', async () => {
    const rules = [
      { task: 'code', model: 'coder' },
      { topic: 'law', model: 'large' },
      { model: 'coder' },
      { model: 'small' },
    ]
    const policy = await content({ rules, default: 'small' })
    const [decision] = await policy.decide([{ prompt: 'Write a Python function that reverses a list.' }], pool)
    expect(decision!.alternatives).toEqual([
      { model: 'small', reason: 'rule 4 matches too' },
      { model: 'large', reason: 'no rule that matches chooses it' },
    ])
    const byDefault = await content({ rules: [{ task: 'translation', model: 'large' }], default: 'small' })
    const [last] = await byDefault.decide([{ prompt: 'x' }], pool)
    expect(last!.alternatives!.map(({ model }) => model)).toEqual(['large', 'coder'])
  })

  test('a rule whose model cannot serve is passed over, and said', async () => {
    const policy = await content({ rules: [{ task: 'code', model: 'coder' }], default: 'small' })
    const request = { prompt: 'Write a Python function that reverses a list.', candidates: [small!] }
    const [decision] = await policy.decide([request], pool)
    expect(decision).toMatchObject({
      model: 'small',
      reasons: [
        { name: 'no rule matches: the default' },
        { kind: 'constraint', name: 'rule 1 matches, but coder is not available' },
      ],
    })
  })

  test('the task that a request names counts more than what it looks like', async () => {
    const policy = await content({ rules: [{ task: 'code', model: 'coder' }], default: 'small' })
    expect(await modelFor(policy, { prompt: 'Hello there', metadata: { task: 'code' } })).toBe('coder')
  })

  test('without rules: what is demanding or sensitive to strong', async () => {
    const policy = await content()
    expect(await modelFor(policy, 'Solve 3x + 4 = 19 for x.')).toBe('large')
    expect(await modelFor(policy, 'My card is 4111 1111 1111 1111.')).toBe('large')
    expect(await modelFor(policy, 'hey, how are you doing today?')).toBe('small')
  })

  test('nothing that matches is no answer', async () => {
    const policy = await content({ rules: [{ task: 'translation', model: 'large' }] })
    expect(await policy.decide([{ prompt: 'hi' }], pool)).toEqual([undefined])
    expect(policy.noAnswer!({ prompt: 'hi' })).toBe(
      'policy content: no rule with a model that can serve this request matches. Add a default, or a last rule without conditions.',
    )
  })

  test('options that do not fit', async () => {
    await expect(content({ rules: [{ task: 'code', model: 'codr' }] })).rejects.toThrow(
      'policy content: rule 1: Unknown model "codr". Did you mean "coder"? Available: large, small, coder',
    )
    await expect(content({ rules: [{ task: 'code' }] })).rejects.toThrow(
      'policy content: rule 1: expected model or use, got neither.',
    )
    await expect(content({ rules: [{ task: 'cod', model: 'coder' }] })).rejects.toThrow(UsageError)
    await expect(content(undefined, { models })).rejects.toThrow(
      'policy content: expected rules, or a pair, got neither. Add content.rules to llmroute.yaml.',
    )
  })
})

describe('context', () => {
  test('language, length, turns, conversation, complexity and domain', async () => {
    const policy = await context({
      rules: [
        { turns: { gte: 3 }, model: 'large' },
        { conversation: { gt: 500 }, model: 'large' },
        { language: ['de', 'fr'], model: 'coder' },
        { language: 'und', model: 'small' },
        { complexity: { gte: 0.4 }, model: 'large' },
        { domain: 'law', length: { lt: 200 }, model: 'coder' },
      ],
      default: 'small',
    })
    const turn = { role: 'user', text: 'and then?' }
    expect(await modelFor(policy, { prompt: 'and then?', turns: [turn, turn, turn] })).toBe('large')
    expect(await modelFor(policy, { prompt: 'ok', turns: [{ role: 'user', text: 'x'.repeat(600) }] })).toBe('large')
    expect(await modelFor(policy, 'Wie lange muss ich ein Ei kochen?')).toBe('coder')
    expect(await modelFor(policy, 'SELECT * FROM users WHERE id = 3;')).toBe('small')
    expect(
      await modelFor(
        policy,
        'Prove, without induction, that the sum is exactly n(n+1)/2; then compare both proofs and explain which one must be taught first, and why?',
      ),
    ).toBe('large')
    expect(await modelFor(policy, 'Which court hears appeals against a breach of contract?')).toBe('coder')
    expect(await modelFor(policy, 'what time is it')).toBe('small')
  })

  test('reasons hold what was measured', async () => {
    const policy = await context({ rules: [{ language: 'de', length: { lte: 100 }, use: 'strong' }] })
    const [decision] = await policy.decide([{ prompt: 'Wie lange muss ich ein Ei kochen?' }], pool)
    expect(decision!.reasons).toEqual([{ kind: 'rule', name: 'rule 1: length 33, language de', weight: 1 }])
  })

  test('without rules: complexity and long conversations to strong', async () => {
    const policy = await context()
    expect(await modelFor(policy, 'hi')).toBe('small')
    expect(await modelFor(policy, { prompt: 'hi', turns: Array(6).fill({ role: 'user', text: 'hi' }) })).toBe('large')
  })

  test('an unknown language is named with the nearest', async () => {
    await expect(context({ rules: [{ language: 'ger', model: 'large' }] })).rejects.toThrow(
      /^policy context: Unknown language "ger"\. .*Available: am, ar, az,/,
    )
  })
})
