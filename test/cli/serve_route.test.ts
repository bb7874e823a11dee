import { expect, test } from 'vitest'
import { ask, models, post, startWith } from '../helpers/three_models.ts'

const pairAt = (threshold: string) => `
models: { big: { base_url: ${models.url} }, small: { base_url: ${models.url} } }
pair: { strong: big, weak: small }
strategy: length
${threshold}
`

test('/v1/route decides for a pair of Anthropic’s form whatever else is configured', async () => {
  const one = await startWith(`
models:
  opus: { base_url: ${models.url}, api: anthropic }
  haiku: { base_url: ${models.url}, api: anthropic }
  gpt: { base_url: ${models.url} }
pair: { strong: opus, weak: haiku }
strategy: length
threshold: 0.5
`)
  const many = await post(one, { requests: ['hi', 'word '.repeat(200)] }, '/v1/route')
  expect(await many.json()).toMatchObject({ decisions: [{ model: 'haiku' }, { model: 'opus' }] })
})

test('/v1/route says why nobody of either form can, as a chat would be told', async () => {
  const one = await startWith(`
models:
  gpt: { base_url: ${models.url}, context_window: 10 }
  claude: { base_url: ${models.url}, api: anthropic, context_window: 20 }
policy: round_robin
`)
  const prompt = 'word '.repeat(200)
  const told = await post(one, { prompt }, '/v1/route')
  const chat = await post(one, { ...ask(), messages: [{ role: 'user', content: prompt }] })
  expect([told.status, await told.json()]).toEqual([400, await chat.json()])
})

test('threshold: auto learns from what models are asked, not from /v1/route', async () => {
  const one = await startWith(pairAt('threshold: auto\nstrong_pct: 0.5'))
  const requests = Array.from({ length: 1000 }, (_, i) => 'x'.repeat(5 + (i % 7)))
  const batch = await post(one, { requests }, '/v1/route')
  const { decisions } = (await batch.json()) as { decisions: { threshold: number }[] }
  expect(new Set(decisions.map(({ threshold }) => threshold))).toEqual(new Set([0.5]))
  const thresholdOf = async (content: string) =>
    (await post(one, { ...ask(), messages: [{ role: 'user', content }] })).headers.get('x-llmroute-threshold')
  expect(await thresholdOf('one')).toBe('0.5')
  expect(Number(await thresholdOf('two'))).toBeLessThan(0.1)
})

test('of a batch, what is wrong with one leaves the others decided', async () => {
  const one = await startWith(pairAt('threshold: 0.5'))
  const odd = { type: 'document', source: { type: 'text', data: { toString: 1, valueOf: 1 } } }
  const requests = [
    'hi',
    { model: 'nope', prompt: 'x' },
    { messages: 'x' },
    { messages: [{ role: 'user', content: [odd, { type: 'text', text: 'hi' }] }] },
    { model: 'big', prompt: 'x' },
  ]
  const answer = await post(one, { requests }, '/v1/route')
  expect(answer.status).toBe(200)
  expect(await answer.json()).toMatchObject({
    decisions: [
      { model: 'small' },
      { refused: expect.stringContaining('"nope"') },
      { refused: 'messages: expected a list of messages, got a string. Send [{ "role": "user", "content": "…" }].' },
      { model: 'small' },
      { model: 'big' },
    ],
  })
})

test('an ensemble goes without a model of the other form, and says so', async () => {
  const one = await startWith(`
models:
  a: { base_url: ${models.url} }
  b: { base_url: ${models.url} }
  claude: { base_url: ${models.url}, api: anthropic }
policy: ensemble
ensemble: { models: [a, b, claude], at_least: 2 }
`)
  const decision = await (await post(one, { prompt: 'hi' }, '/v1/route')).json()
  expect(decision).toMatchObject({
    models: ['a', 'b'],
    alternatives: [{ model: 'claude', reason: "speaks Anthropic's form, this request another" }],
  })
  const refused = await post(one, { ...ask(), max_tokens: 9 }, '/v1/messages')
  expect(await refused.json()).toMatchObject({
    error: {
      message:
        "policy ensemble: expected at least 2 models that can serve this request. Add models, or lower at_least. Left out: a: speaks OpenAI's form, this request another; b: speaks OpenAI's form, this request another.",
    },
  })
})
