import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readClassifier } from '../../src/io/embedder_table.ts'
import { create } from '../../src/policies/rules.ts'
import type { Decision, RouteRequest } from '../../src/types.ts'
import { partsOf, poolOf } from '../helpers/policy_parts.ts'

const pool = { ...poolOf(['a', 'b', 'c']), pair: { strong: { id: 'a' }, weak: { id: 'b' } } }
type Rule = Readonly<Record<string, unknown>>

async function decide(rules: unknown, request: Partial<RouteRequest>, now = 0): Promise<Decision | undefined> {
  const policy = await create(partsOf(pool, rules, { now: () => now, classifier: readClassifier }))
  return (await policy.decide([{ prompt: '', ...request }], pool))[0]
}
/** Whether one condition holds. */
const holds = async (when: unknown, request: Partial<RouteRequest> = {}, now = 0) =>
  (await decide([{ when, model: 'a' }], request, now)) !== undefined

describe('a condition on', () => {
  test.each<[string, unknown, Partial<RouteRequest>, boolean]>([
    ['user', { user: 'x' }, { user: 'x' }, true],
    ['user, another', { user: 'x' }, { user: 'y' }, false],
    ['user, none', { user: 'x' }, {}, false],
    ['key in a list', { key: ['x', 'y'] }, { key: 'y' }, true],
    ['key with in', { key: { in: ['x', 'y'] } }, { key: 'z' }, false],
    ['not equal', { user: { ne: 'x' } }, { user: 'y' }, true],
    ['not equal, none', { user: { ne: 'x' } }, {}, true],
    ['priority', { priority: 'speed' }, { priority: 'speed' }, true],
    ['metadata', { 'metadata.team': 'red' }, { metadata: { team: 'red' } }, true],
    ['metadata as a block', { metadata: { team: 'red', tier: 2 } }, { metadata: { team: 'red', tier: '2' } }, true],
    ['metadata in metadata', { 'metadata.a.b': 1 }, { metadata: { a: { b: 1 } } }, true],
    ['metadata with a dot', { 'metadata.a.b': 1 }, { metadata: { 'a.b': 1 } }, true],
    ['metadata of the prototype', { 'metadata.constructor': { exists: true } }, { metadata: {} }, false],
    ['a number as a text', { 'metadata.n': 5 }, { metadata: { n: '5' } }, true],
    ['a truth value', { 'metadata.beta': true }, { metadata: { beta: true } }, true],
    ['whether it is there', { 'metadata.n': { exists: true } }, { metadata: { n: 0 } }, true],
    ['whether it is not there', { 'metadata.n': { exists: false } }, { metadata: { n: null } }, true],
    ['length', { length: { gt: 2, lte: 4 } }, { prompt: 'abcd' }, true],
    ['length, the end left out', { length: { lt: 4 } }, { prompt: 'abcd' }, false],
    ['a number in a text', { 'metadata.n': { gte: 10 } }, { metadata: { n: '9' } }, false],
    ['a range of what is not there', { 'metadata.n': { lt: 10 } }, {}, false],
    ['a range of what is no number', { 'metadata.n': { lt: 10 } }, { metadata: { n: '' } }, false],
    ['a range of texts', { 'metadata.day': { gte: '2026-01-01' } }, { metadata: { day: '2026-11-22' } }, true],
    ['tokens', { tokens: { gt: 5, lt: 12 } }, { prompt: 'hello world' }, true],
    [
      'turns',
      { turns: { gte: 2 } },
      {
        turns: [
          { role: 'user', text: 'a' },
          { role: 'assistant', text: 'b' },
        ],
      },
      true,
    ],
    ['turns of a prompt alone', { turns: 1 }, {}, true],
    [
      'language',
      { language: 'de' },
      { prompt: 'Wie wird das Wetter morgen in den Bergen sein, und regnet es dort?' },
      true,
    ],
    ['needs', { 'needs.tools': true }, { needs: { tools: true } }, true],
    ['needs, none', { 'needs.tools': false }, {}, true],
    ['a pattern', { prompt: { regex: '(?i)\\bSQL\\b' } }, { prompt: 'write sql please' }, true],
    ['a pattern, no match', { prompt: { regex: '^sql' } }, { prompt: 'write sql please' }, false],
    ['and', { and: [{ user: 'x' }, { key: 'y' }] }, { user: 'x' }, false],
    ['or', { or: [{ user: 'x' }, { key: 'y' }] }, { key: 'y' }, true],
    ['not', { not: { user: 'x' } }, { user: 'y' }, true],
    ['not of an operator', { length: { not: { gt: 2 } } }, { prompt: 'ab' }, true],
    ['all fields at once', { user: 'x', length: { gt: 1 } }, { user: 'x', prompt: 'a' }, false],
    ['nothing', {}, {}, true],
  ])('%s', async (_, when, request, isTrue) => {
    expect(await holds(when, request)).toBe(isTrue)
  })

  test.each([
    ['2026-07-01T20:30:00Z', { time: { gte: '22:00' } }, false],
    ['2026-07-01T20:30:00Z', { time: { gte: '22:00', zone: 'Europe/Berlin' } }, true],
    ['2026-07-01T20:30:00Z', { time: { gte: '7:00', lt: '24:00' } }, true],
    ['2026-07-01T00:10:00Z', { time: { lt: '00:30' } }, true],
    ['2026-07-01T00:10:00Z', { time: { not: { lt: '00:30', zone: 'Asia/Tokyo' } } }, true],
    ['2026-07-04T23:30:00Z', { weekday: 'Saturday' }, true],
    ['2026-07-04T23:30:00Z', { weekday: { in: ['sun'], zone: 'Europe/Berlin' } }, true],
    ['2026-07-04T23:30:00Z', { weekday: ['mon', 'tue'] }, false],
  ])('the clock: at %s %j', async (time, when, isTrue) => {
    expect(await holds(when, {}, Date.parse(time))).toBe(isTrue)
  })
})

describe('the decision', () => {
  const rules = [
    { name: 'long', when: { length: { gt: 100 } }, use: 'strong' },
    { when: { user: 'x' }, model: 'b' },
    { when: { user: ['x', 'y'] }, model: 'c' },
  ]

  test('is the first rule that matches, with the next as the alternative', async () => {
    expect(await decide(rules, { user: 'x' })).toEqual({
      model: 'b',
      models: ['b'],
      plan: 'single',
      policy: 'rules',
      reasons: [{ kind: 'rule', name: 'rule 2 matches', weight: 1 }],
      alternatives: [
        { model: 'c', reason: 'rule 3 matches too' },
        { model: 'a', reason: 'no rule that matches chooses it' },
      ],
    })
    expect(await decide(rules, { prompt: 'a'.repeat(101) })).toMatchObject({
      model: 'a',
      reasons: [{ name: 'rule 1 "long" matches' }],
    })
  })

  test('is none where no rule matches, unless there is a default', async () => {
    expect(await decide(rules, {})).toBeUndefined()
    expect(await decide({ rules, default: 'c' }, {})).toMatchObject({
      model: 'c',
      reasons: [{ kind: 'rule', name: 'no rule matches: the default', weight: 0 }],
    })
    expect(await decide({ rules, default: 'a' }, { user: 'y' })).toMatchObject({
      model: 'c',
      alternatives: [
        { model: 'a', reason: 'the default' },
        { model: 'b', reason: 'no rule that matches chooses it' },
      ],
    })
  })

  test('passes over a rule whose model cannot serve the request, and says so', async () => {
    expect(await decide(rules, { user: 'x', candidates: [{ id: 'a' }, { id: 'c' }] })).toMatchObject({
      model: 'c',
      reasons: [
        { kind: 'rule', name: 'rule 3 matches' },
        { kind: 'constraint', name: 'rule 2 matches, but b is not available', weight: 0 },
      ],
    })
    expect(await decide(rules, { user: 'x', candidates: [{ id: 'a' }] })).toBeUndefined()
  })
})

describe('a mistake is named', () => {
  test.each<[string, unknown, string]>([
    [
      'a field',
      [{ when: { usr: 'x' }, model: 'a' }],
      'policy rules: rule 1: when.usr: unknown field "usr". Did you mean "user"?',
    ],
    [
      'an operator',
      [{ model: 'a' }, { name: 'n', when: { length: { gtt: 1 } }, model: 'a' }],
      'policy rules: rule 2 "n": when.length: unknown operator "gtt". Did you mean "gt"?',
    ],
    ['a model', [{ model: 'd' }], 'policy rules: rule 1: Unknown model "d". Available: a, b, c.'],
    ['the default', { rules: [], default: 'aa' }, 'policy rules: default: Unknown model "aa". Available: a, b, c.'],
    ['no model', [{ when: {} }], 'policy rules: rule 1: expected model or use, got neither.'],
    ['two models', [{ model: 'a', use: 'weak' }], 'policy rules: rule 1: expected model or use, got both.'],
    ['a key of a rule', [{ modle: 'a' }], 'policy rules: 0.modle: unknown option.'],
    [
      'a key of the block',
      { rule: [] },
      'policy rules: expected rules, got none. Set it in llmroute.yaml (rules: { rules: … }) or with --policy-option.',
    ],
    [
      'an expression',
      [{ when: { prompt: { regex: '(' } }, model: 'a' }],
      'policy rules: rule 1: when.prompt.regex: error parsing regexp: missing closing ): `(`.',
    ],
    [
      'what takes time',
      [{ when: { prompt: { regex: '(a)\\1' } }, model: 'a' }],
      'policy rules: rule 1: when.prompt.regex: error parsing regexp: invalid escape sequence: `\\1`.',
    ],
    [
      'a zone',
      [{ when: { time: { gt: '7:00', zone: 'Berlin' } }, model: 'a' }],
      'policy rules: rule 1: when.time: expected zone to be a time zone such as Europe/Berlin, got "Berlin".',
    ],
    [
      'a zone of another field',
      [{ when: { user: { eq: 'x', zone: 'UTC' } }, model: 'a' }],
      'policy rules: rule 1: when.user: expected zone of time and weekday only.',
    ],
    [
      'a time',
      [{ when: { time: { gt: '25:00' } }, model: 'a' }],
      'policy rules: rule 1: when.time.gt: expected a time such as "07:30", got "25:00".',
    ],
    [
      'a day',
      [{ when: { weekday: 'x' }, model: 'a' }],
      'policy rules: rule 1: when.weekday.eq: expected a day such as mon, got "x".',
    ],
    [
      'a value',
      [{ when: { user: null }, model: 'a' }],
      'policy rules: rule 1: when.user.eq: expected a text, number or truth value, got nothing.',
    ],
    [
      'an empty list',
      [{ when: { or: [] }, model: 'a' }],
      'policy rules: rule 1: when.or: expected a list of at least one, got a list of 0.',
    ],
    [
      'no operator',
      [{ when: { length: {} }, model: 'a' }],
      'policy rules: rule 1: when.length: expected a value or an operator, got none.',
    ],
  ])('%s', async (_, rules, message) => {
    await expect(decide(rules, {})).rejects.toThrow(message)
  })

  test('a side without a pair', async () => {
    await expect(create(partsOf(poolOf(['a']), [{ use: 'weak' }]))).rejects.toThrow(
      'policy rules: rule 1: expected a pair for use: weak, got none. Name it in llmroute.yaml (pair).',
    )
  })
})

test('rules found by hash are those found one after the other', async () => {
  const users = ['u', 'v', 'w']
  const atom = fc.oneof(
    fc.record({ user: fc.constantFrom(...users) }),
    fc.record({ user: fc.subarray(users, { minLength: 1 }) }),
    fc.record({ 'metadata.n': fc.integer({ min: 0, max: 3 }) }),
    fc.record({ length: fc.record({ gt: fc.nat(4) }) }),
    fc.record({ user: fc.constantFrom(...users), 'metadata.n': fc.record({ ne: fc.nat(3) }) }),
  )
  const { when } = fc.letrec(tie => ({
    when: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      atom,
      fc.record({ and: fc.array(tie('when'), { minLength: 1, maxLength: 3 }) }),
      fc.record({ or: fc.array(tie('when'), { minLength: 1, maxLength: 3 }) }),
      fc.record({ not: tie('when') }),
    ),
  }))
  const request = fc.record({
    prompt: fc.string({ maxLength: 6 }),
    user: fc.constantFrom(...users, 'other'),
    metadata: fc.record({ n: fc.nat(3) }, { requiredKeys: [] }),
  })
  const rules = fc.array(fc.record({ when, model: fc.constantFrom('a', 'b', 'c') }), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(rules, fc.array(request, { maxLength: 5 }), async (given, requests) => {
      const policy = await create(partsOf(pool, given))
      const decisions = await policy.decide(requests, pool)
      const naive = requests.map(each => given.findIndex(rule => naively(rule.when as Rule, each)))
      expect(decisions.map(found => found?.reasons?.[0]?.name)).toEqual(
        naive.map(i => (i < 0 ? undefined : `rule ${i + 1} matches`)),
      )
    }),
    { numRuns: 300 },
  )
})

test('ten thousand rules cost about as much as one', async () => {
  const rules = Array.from({ length: 10_000 }, (_, i) => ({ when: { user: `u${i}`, length: { gt: 0 } }, model: 'a' }))
  const policy = await create(partsOf(pool, rules))
  const requests = Array.from({ length: 10_000 }, (_, i) => ({ prompt: 'x', user: `u${i}` }))
  await policy.decide(requests, pool)
  const start = performance.now()
  await policy.decide(requests, pool)
  // 20 µs each are promised; one after the other they would take 100 times as long.
  expect((performance.now() - start) / requests.length).toBeLessThan(0.1)
})

test('a pattern that backtracking would not finish takes no time on a megabyte', async () => {
  const start = performance.now()
  expect(await holds({ prompt: { regex: '(a+)+$' } }, { prompt: `${'a'.repeat(1e6)}b` })).toBe(false)
  expect(performance.now() - start).toBeLessThan(10_000)
})

function naively(when: Rule, request: RouteRequest): boolean {
  return Object.entries(when).every(([name, value]): boolean => {
    if (name === 'and') return (value as Rule[]).every(part => naively(part, request))
    if (name === 'or') return (value as Rule[]).some(part => naively(part, request))
    if (name === 'not') return !naively(value as Rule, request)
    if (name === 'length') return request.prompt.length > (value as { gt: number }).gt
    const found = name === 'user' ? request.user : request.metadata?.n
    if (typeof value === 'object' && !Array.isArray(value)) return found !== (value as { ne: number }).ne
    return ([value].flat() as unknown[]).includes(found)
  })
}
