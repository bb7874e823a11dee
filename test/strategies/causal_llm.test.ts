import { createServer } from 'node:http'
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { DataError, UpstreamError, UsageError } from '../../src/errors.ts'
import { openCausalModel } from '../../src/io/causal_model.ts'
import { describeEndpoint } from '../../src/io/imported_model.ts'
import { localModels } from '../../src/io/local_models.ts'
import { openCheckpoint } from '../../src/io/open_checkpoint.ts'
import { createPostJson, type PostJsonOptions } from '../../src/io/post_json.ts'
import { createResources } from '../../src/io/resources.ts'
import { create } from '../../src/strategies/causal_llm.ts'
import type { Checkpoint, Resources } from '../../src/types.ts'
import { startChatServer } from '../helpers/chat_server.ts'

const TINY = 'test/fixtures/tiny_causal'
const KEY = 'sk-do-not-print-me'
const PROMPTS = ['What is 2 + 2?', 'Prove it.', '', '証明してください', 'What is 2 + 2?', 'a']
const server = await startChatServer(await openCausalModel(TINY))
const { host } = new URL(server.address)
afterAll(() => server.close())
beforeEach(() => {
  server.requests.length = 0
  server.spelling = 'whole'
})
afterEach(() => {
  server.failures.length = 0
  vi.unstubAllEnvs()
})

const resourcesOf = (checkpoint: Checkpoint, more: Partial<Resources> = {}): Resources => ({
  seed: 0,
  embedder: () => Promise.reject(new Error('asked for an embedder')),
  checkpoint: async () => checkpoint,
  models: localModels,
  ...more,
})
const behindEndpoint = (options: PostJsonOptions = {}, address = server.address) =>
  create(
    resourcesOf(describeEndpoint(address), {
      postJson: createPostJson({ keyVariable: 'TEST_LLMROUTE_KEY', sleep: async () => {}, ...options }),
    }),
  )
const answering = (answer: unknown) =>
  create(resourcesOf(describeEndpoint('https://models.test/v1#m'), { postJson: async () => answer }))

describe('a folder on this machine', async () => {
  const local = await create(resourcesOf(await openCheckpoint(TINY)))

  test('win rates differ between prompts, and are the same behind an endpoint that computes from the same model', async () => {
    const winRates = await local.winRate(PROMPTS)
    expect(new Set(winRates).size).toBe(5)
    for (const spelling of ['whole', 'split', 'talkative'] as const) {
      server.spelling = spelling
      const remote = await (await behindEndpoint()).winRate(PROMPTS)
      for (const [i, winRate] of winRates.entries()) expect(remote[i], spelling).toBeCloseTo(winRate, 6)
    }
  })

  test('a checkpoint of another strategy, of another wording, or without a model', async () => {
    const { metadata, tensors } = await openCheckpoint(TINY)
    for (const changed of [{ strategy: 'bert' }, { featureVersion: 2 }]) {
      const foreign = { metadata: { ...metadata, ...changed }, tensors, model: TINY }
      await expect(create(resourcesOf(foreign))).rejects.toThrow(DataError)
    }
    await expect(create(resourcesOf({ metadata, tensors }))).rejects.toThrow(
      'causal_llm: expected the folder of a language model, got a file without one.',
    )
  })

  test('without a way to run or reach it', async () => {
    const folder = resourcesOf(await openCheckpoint(TINY))
    await expect(create({ ...folder, models: undefined as never })).rejects.toThrow(
      'causal_llm: expected a way to run models (resources.models), got none.',
    )
    await expect(create(resourcesOf(describeEndpoint(server.address)))).rejects.toThrow(
      'causal_llm: expected a way to reach the endpoint (resources.postJson), got none.',
    )
  })
})

describe('an endpoint', () => {
  test('is asked with the prompt, greedily, for the log probabilities of a short answer', async () => {
    await (await behindEndpoint()).winRate(['Prove it.'])
    const { body, url, key } = server.requests[0]!
    expect(url).toBe('/v1/chat/completions')
    expect(key).toBe('')
    expect(body).toMatchObject({
      model: 'tiny/causal',
      temperature: 0,
      logprobs: true,
      top_logprobs: 20,
      max_tokens: 10,
    })
    const [system, user] = body.messages as { role: string; content: string }[]
    expect(system).toMatchObject({ role: 'system', content: expect.stringContaining('"[[predicted rating]]"') })
    expect(user).toEqual({ role: 'user', content: '[Question]\nProve it.\n\nPrediction:' })
  })

  test('is asked each distinct question once, at most 16 at a time, none for none', async () => {
    const strategy = await behindEndpoint()
    const many = Array.from({ length: 90 }, (_, i) => `question ${i % 45}`)
    const winRates = await strategy.winRate(many)
    expect(server.requests).toHaveLength(45)
    expect(winRates.slice(0, 45)).toEqual(winRates.slice(45))
    expect(server.most()).toBeGreaterThan(1)
    expect(server.most()).toBeLessThanOrEqual(16)
    expect(await strategy.winRate([])).toEqual(new Float64Array(0))
  })

  test('gets a long question cut, and no half of a surrogate pair', async () => {
    await (await behindEndpoint()).winRate(['x'.repeat(1 << 20), 'a\ud83d'])
    const contents = server.requests.map(({ body }) => (body.messages as { content: string }[])[1]!.content.length)
    expect(contents.sort((a, b) => a - b)).toEqual([26, 20_024])
    expect(JSON.stringify(server.requests)).not.toMatch(/\\ud83d/)
  })

  test("RouteLLM's check value, from log probabilities", async () => {
    const logits = [10.3125, 10.9375, 11.4375, 14.4375, 15.0]
    const top = logits.map((logit, k) => ({ token: `[[${k + 1}]]`, logprob: logit - 16 }))
    const [winRate] = await (await answering(answerOf([[top[4]!, top]]))).winRate(['x'])
    expect(winRate).toBeCloseTo(0.0337219, 7)
  })

  test.each([
    [
      'a label that is not among the most probable has none',
      [['[[4]]', { '[[4]]': -0.1, '[[1]]': -2.4 }]],
      odds(-2.4, -0.1),
    ],
    ['the one that was written counts, listed or not', [['5', { '1': -1, Yes: -2 }]], odds(-1, -0.5)],
    [
      'one label in several spellings is one',
      [['3', { '3': Math.log(0.2), ' 3': Math.log(0.4), '4': Math.log(0.2) }]],
      0.75,
    ],
    [
      'in brackets before a lone digit',
      [
        ['2', { '2': 0 }],
        [' [[', { ' [[': 0 }],
        ['5', { '5': 0 }],
      ],
      0,
    ],
    [
      'brackets by themselves',
      [
        ['[', { '[': 0 }],
        ['[', { '[': 0 }],
        ['1', { '1': 0 }],
        [']', { ']': 0 }],
      ],
      1,
    ],
    [
      'a lone digit where there are no brackets',
      [
        ['Rating', { Rating: 0 }],
        [': ', { ': ': 0 }],
        ['4', { '4': 0 }],
      ],
      0,
    ],
    [
      'no part of a longer number',
      [
        ['1', { '1': 0 }],
        ['5', { '5': 0 }],
        ['%', { '%': 0 }],
      ],
      1,
    ],
    [
      'no end of a range',
      [
        ['scale of ', { 'scale of ': 0 }],
        ['1', { '1': 0 }],
        [' to', { ' to': 0 }],
        [' 10', { ' 10': 0 }],
      ],
      1,
    ],
    [
      'no label: strong',
      [
        ['I', { I: -0.1, '4': -3 }],
        [' think', { ' think': 0 }],
      ],
      1,
    ],
    ['an empty answer: strong', [], 1],
  ] as const)('%s', async (_, positions, expected) => {
    const content = positions.map(([token, top]) => {
      const candidates = Object.entries(top).map(([name, logprob]) => ({ token: name, logprob }))
      return [candidates.find(candidate => candidate.token === token) ?? { token, logprob: -0.5 }, candidates] as const
    })
    const [winRate] = await (await answering(answerOf(content))).winRate(['x'])
    expect(winRate).toBeCloseTo(expected, 6)
  })

  const needed =
    'Serve a model with vLLM, llama.cpp or Ollama from 0.12.11 on; reasoning models and some hosts give none.'
  test.each([
    ['an answer without', { choices: [{ message: { content: '[[3]]' } }] }],
    ['an answer without', { choices: [{ message: { content: '[[3]]' }, logprobs: null }] }],
    ['an answer without', { choices: [{ logprobs: { content: [{ token: '[[3]]', logprob: 0, top_logprobs: [] }] } }] }],
    ['an answer without', { choices: [{ logprobs: { content: [{ token: 3, logprob: 'x', top_logprobs: [{}] }] } }] }],
    ['no choices', { choices: [] }],
    ['no choices', { error: { message: 'no' } }],
    ['no choices', null],
    ['no choices', 'text'],
  ])('that gives no log probabilities (%s) is told what is needed', async (found, answer) => {
    await expect((await answering(answer)).winRate(['do not print me'])).rejects.toThrow(
      new UpstreamError(
        `models.test: expected logprobs.content with top_logprobs of each token, got ${found}. ${needed}`,
      ),
    )
  })
})

describe('faults of an endpoint', () => {
  const failureOf = async (options?: PostJsonOptions, address?: string, prompts = ['do not print me']) => {
    vi.stubEnv('TEST_LLMROUTE_KEY', KEY)
    const error = await (await behindEndpoint(options, address)).winRate(prompts).then(
      () => expect.unreachable('expected a failure'),
      (thrown: unknown) => thrown as Error,
    )
    expect(error).toBeInstanceOf(UpstreamError)
    for (const secret of [KEY, 'do not print me']) expect(`${error.stack} ${String(error.cause)}`).not.toContain(secret)
    return error.message
  }

  test('429 is tried again as Retry-After asks, 500 with growing waits; then it answers', async () => {
    const waits: number[] = []
    const sleep = async (milliseconds: number) => void waits.push(milliseconds)
    server.failures.push({ status: 429, headers: { 'retry-after': '7' } }, { status: 500 })
    const [winRate] = await (await behindEndpoint({ sleep })).winRate(['a'])
    expect(winRate).toBeGreaterThan(0)
    expect(waits[0]).toBe(7000)
    expect(server.requests).toHaveLength(3)
  })

  test('500 again and again', async () => {
    server.failures.push({ status: 500 }, { status: 500 })
    expect(await failureOf({ attempts: 2 })).toBe(
      `${host}: expected an answer in JSON, got status 500. Try again later.`,
    )
    expect(server.requests[0]!.key).toBe(`Bearer ${KEY}`)
  })

  test('no answer in time', async () => {
    server.failures.push({ status: 200, isSilent: true })
    expect(await failureOf({ attempts: 1, timeout: 50 })).toBe(
      `${host}: expected an answer in JSON, got nothing in 50 ms. Try again later.`,
    )
  })

  test('nobody there', async () => {
    const closed = createServer()
    await new Promise<void>(resolve => closed.listen(0, '127.0.0.1', resolve))
    const { port } = closed.address() as { port: number }
    await new Promise(resolve => closed.close(resolve))
    expect(await failureOf({ attempts: 2 }, `http://127.0.0.1:${port}/v1#m`)).toBe(
      `127.0.0.1:${port}: expected an answer in JSON, got no connection (ECONNREFUSED). Try again later.`,
    )
  })

  test.each([
    [
      { status: 200, body: 'oops, do not print me' },
      'status 200 with something else. Check the address and the name of the model.',
    ],
    [{ status: 404, body: '{}' }, 'status 404. Check the address and the name of the model.'],
    [{ status: 401 }, 'status 401. Set TEST_LLMROUTE_KEY to a key that this host accepts.'],
    [
      { status: 307, headers: { location: 'http://elsewhere.test/' } },
      'status 307. Redirects are not followed; name the address it leads to.',
    ],
  ])('%o', async (failure, message) => {
    server.failures.push(failure)
    expect(await failureOf()).toBe(`${host}: expected an answer in JSON, got ${message}`)
    expect(server.requests).toHaveLength(1)
  })

  test('nothing more is asked after a failure', async () => {
    server.failures.push(...Array.from({ length: 200 }, () => ({ status: 400 })))
    const many = Array.from({ length: 200 }, (_, i) => `question ${i}`)
    await failureOf({}, server.address, many)
    await vi.waitFor(() => expect(server.requests).toHaveLength(16), 10_000)
    await new Promise(resolve => setTimeout(resolve, 100))
    expect(server.requests).toHaveLength(16)
  })
})

test('each key goes to its own host', async () => {
  vi.stubEnv('OPENAI_API_KEY', KEY)
  vi.stubEnv('LLMROUTE_ENDPOINT_KEY', '')
  const checkpoint = describeEndpoint(server.address)
  await (await create(createResources({ checkpoint }))).winRate(['a'])
  vi.stubEnv('LLMROUTE_ENDPOINT_KEY', 'own')
  await (await create(createResources({ checkpoint }))).winRate(['a'])
  expect(server.requests.map(({ key }) => key)).toEqual(['', 'Bearer own'])
  vi.stubEnv('OPENAI_API_KEY', '')
  const openAi = await create(createResources({ checkpoint: describeEndpoint('https://api.openai.com/v1#m') }))
  await expect(openAi.winRate(['a'])).rejects.toThrow(UsageError)
})

/** The answer of a server, from what was written at each place and what could have been. */
function answerOf(positions: readonly (readonly [{ token: string; logprob: number }, readonly unknown[]])[]) {
  const content = positions.map(([written, top_logprobs]) => ({ ...written, top_logprobs }))
  return { choices: [{ message: { content: '' }, logprobs: { content } }] }
}

/** Share of the first of two log probabilities. */
function odds(one: number, other: number): number {
  return Math.exp(one) / (Math.exp(one) + Math.exp(other))
}
