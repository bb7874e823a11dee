// Laws that hold for every entry of the registries: DESIGN, rule 6. Deviations, with their reasons:
// causal_llm behind an endpoint is exempt: what a server computes is not ours to hold.
import { join } from 'node:path'
import { toJsonSchema } from '@valibot/to-json-schema'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { create as createHashing } from '../src/embedders/hashing.ts'
import { type EmbedderOptions, embedders } from '../src/embedders/registry.ts'
import { DataError, UsageError } from '../src/errors.ts'
import { readCheckpoint, writeCheckpoint } from '../src/io/checkpoint.ts'
import { readClassifier, readEmbedderTable } from '../src/io/embedder_table.ts'
import { localModels } from '../src/io/local_models.ts'
import { openCheckpoint } from '../src/io/open_checkpoint.ts'
import { createPostJson } from '../src/io/post_json.ts'
import { fitLearned } from '../src/policies/learned_fit.ts'
import { type PolicyParts, policies } from '../src/policies/registry.ts'
import { createPoolRouter } from '../src/routing/pool_router.ts'
import { createStatistics } from '../src/routing/statistics.ts'
import type { v } from '../src/schema.ts'
import { strategies } from '../src/strategies/registry.ts'
import type {
  Checkpoint,
  Decision,
  Embedder,
  Model,
  PoolStatistics,
  Resources,
  RouteRequest,
  Strategy,
  TensorData,
} from '../src/types.ts'
import { startEmbeddingsServer } from './helpers/embeddings_server.ts'
import { syntheticOutcomes } from './helpers/outcomes.ts'
import { temporaryFolder } from './helpers/temporary_folder.ts'

const DIMENSIONS = 64
/** How far apart numbers may be that ought to be equal; of ONNX Runtime, whose sums depend on the shape of a batch. */
const APART = 1e-6
const ONNX_APART = 1e-4
const ODD = ['', ' \n\t', '😀', '👩‍👩‍👧‍👦', '\ud83d', 'a\udc00b', '\0', 'ß', '証明してください']
const MEGABYTE = 'ab c?'.repeat(210_000)
const PROMPTS = [
  'Prove the theorem',
  'weather today',
  'an integral, please',
  'Prove the theorem',
  'recipe?',
  '3 + 2',
  ...ODD,
]
const anyPrompts = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' })), { maxLength: 12 })
const outcomes = syntheticOutcomes({ rows: 160 })
/** Folders of models that nobody fits here: tiny ones with random weights. */
const MODELS: Readonly<Record<string, string>> = {
  bert: 'test/fixtures/tiny_bert',
  causal_llm: 'test/fixtures/tiny_causal',
}
const ENCODERS: Readonly<Record<string, EmbedderOptions>> = { transformers: { model: 'test/fixtures/tiny_encoder' } }
const folder = temporaryFolder()
const server = await startEmbeddingsServer(DIMENSIONS)
afterAll(() => server.close())

function resourcesOf(checkpoint?: Checkpoint, seed = 5): Resources {
  return {
    seed,
    models: localModels,
    embedder: () => createHashing({ dimensions: DIMENSIONS }),
    checkpoint: async () => checkpoint ?? Promise.reject(new Error('asked for a checkpoint without having any')),
  }
}

const loaded = await Promise.all(Object.entries(strategies).map(async ([id, { load }]) => [id, await load()] as const))
const foreign = loaded.flatMap(([id, { recipe }]) => (recipe === undefined ? [] : [id]))

test('every strategy that nobody fits here has a model here', () => {
  expect(Object.keys(MODELS)).toEqual(expect.arrayContaining(foreign))
})

describe.each(Object.keys(strategies).filter(id => Object.hasOwn(MODELS, id) || !foreign.includes(id)))(
  'strategy %s',
  async id => {
    const module = await strategies[id]!.load()
    const weights = async () => (module.recipe ? openCheckpoint(MODELS[id]!) : module.fit?.(outcomes, resourcesOf()))
    const checkpoint = await weights()
    const strategy = await module.create(resourcesOf(checkpoint))

    test('one value in [0, 1] per prompt', async () => {
      await fc.assert(
        fc.asyncProperty(anyPrompts, async prompts => {
          const winRates = await strategy.winRate(prompts)
          expect(winRates).toHaveLength(prompts.length)
          expect(winRates.every(winRate => winRate >= 0 && winRate <= 1)).toBe(true)
        }),
        { numRuns: 30 },
      )
    })

    test('empty, emoji, a lone surrogate, 1 MB', async () => {
      const winRates = await strategy.winRate([...ODD, MEGABYTE, 'x'.repeat(1 << 20)])
      expect(winRates.every(winRate => winRate >= 0 && winRate <= 1)).toBe(true)
    })

    test('no prompts give no values', async () => {
      expect(await strategy.winRate([])).toEqual(new Float64Array(0))
    })

    test('a batch gives what its prompts give one by one', async () => {
      const batch = await strategy.winRate(PROMPTS)
      for (const [i, prompt] of PROMPTS.entries()) expectNear(await strategy.winRate([prompt]), batch.slice(i, i + 1))
    })

    test('order does not matter, nor what else is in the batch', async () => {
      const many = Array.from({ length: 75 }, (_, i) => PROMPTS[i % 6]! + i)
      const winRates = await strategy.winRate(many)
      expectNear(await strategy.winRate(many.toReversed()), winRates.toReversed())
    })

    test('same seed, same answer', async () => {
      const again = await weights()
      expect(again?.metadata).toEqual(checkpoint?.metadata)
      for (const [name, { shape, data }] of Object.entries(checkpoint?.tensors ?? {})) {
        expect(again!.tensors[name]!.shape).toEqual(shape)
        expect(Buffer.compare(bytesOf(again!.tensors[name]!.data), bytesOf(data)), name).toBe(0)
      }
      const other = await module.create(resourcesOf(again))
      expect(await other.winRate(PROMPTS)).toEqual(await strategy.winRate(PROMPTS))
    })

    test('reasons have names and finite weights', async () => {
      for (const prompt of PROMPTS.slice(0, 8)) {
        for (const { name, weight } of (await strategy.explain?.(prompt)) ?? []) {
          expect(name).not.toBe('')
          expect(weight).toSatisfy(Number.isFinite)
        }
      }
    })

    if (strategy.quality)
      test('quality: in [0, 1] for every prompt and model, in the order asked for', async () => {
        const qualities = await strategy.quality!(PROMPTS, ['weak', 'strong'])
        expect(qualities).toHaveLength(PROMPTS.length * 2)
        expect(qualities.every(quality => quality >= 0 && quality <= 1)).toBe(true)
        const strong = await strategy.quality!(PROMPTS, ['strong'])
        expectNear(
          qualities.filter((_, k) => k % 2 === 1),
          strong,
        )
        expect(await strategy.quality!([], ['weak'])).toHaveLength(0)
        await expect(strategy.quality!(['x'], ['stron'])).rejects.toThrow('Did you mean "strong"?')
      })

    if (module.fit)
      describe('weights', () => {
        test('saved and loaded, they give the same', async () => {
          const file = join(folder.path, `${id}.safetensors`)
          await writeCheckpoint(file, checkpoint!)
          const loaded = await module.create(resourcesOf(await readCheckpoint(file)))
          expect(await loaded.winRate(PROMPTS)).toEqual(await strategy.winRate(PROMPTS))
        })

        test('they say what they are', () => {
          expect(checkpoint!.metadata).toMatchObject({
            strategy: id,
            seed: 5,
            pair: { strong: 'strong', weak: 'weak' },
          })
          expect(checkpoint!.metadata.models.toSorted()).toEqual(['strong', 'weak'])
        })

        test('those of another strategy or of another reading of the text are a DataError', async () => {
          for (const changed of [{ strategy: 'another' }, { featureVersion: 99 }]) {
            const foreign = { ...checkpoint!, metadata: { ...checkpoint!.metadata, ...changed } }
            await expect(module.create(resourcesOf(foreign))).rejects.toThrow(DataError)
          }
        })

        test('cut short they are a DataError, tensor by tensor', async () => {
          for (const [name, { shape, data }] of Object.entries(checkpoint!.tensors)) {
            const tensors = { ...checkpoint!.tensors, [name]: { shape, data: data.slice(0, -1) } }
            await expect(module.create(resourcesOf({ ...checkpoint!, tensors })), name).rejects.toThrow(DataError)
          }
        })

        if (checkpoint?.metadata.embedder)
          test('those of another embedder are a DataError that names both', async () => {
            const embedder = () => createHashing({ dimensions: DIMENSIONS + 1 })
            const created = module.create({ ...resourcesOf(checkpoint), embedder })
            await expect(created).rejects.toThrow(
              /hashing \(65 dimensions\), got one fitted on hashing \(64 dimensions\)/,
            )
          })

        test('they rank better than chance what they were not fitted on', async () => {
          const fresh = syntheticOutcomes({ rows: 300, seed: 2 })
          const winRates = await strategy.winRate(fresh.prompts)
          expect(
            areaUnderCurve(
              winRates,
              fresh.categories.map(category => category === 'hard'),
            ),
          ).toBeGreaterThan(0.8)
        })

        test.each([
          ['one row', syntheticOutcomes({ rows: 1 })],
          ['nothing but ties', withScores(() => 1)],
          ['strong worse than weak', withScores(k => (k + 1) % 2)],
          [
            'one prompt over and over',
            { ...syntheticOutcomes({ rows: 12 }), prompts: new Array<string>(12).fill('same') },
          ],
        ])('can be fitted on %s', async (_, rows) => {
          const fitted: Strategy = await module.create(resourcesOf(await module.fit!(rows, resourcesOf())))
          const winRates = await fitted.winRate(PROMPTS)
          expect(winRates.every(winRate => winRate >= 0 && winRate <= 1)).toBe(true)
        })
      })
  },
)

describe.each(Object.keys(embedders))('embedder %s', async id => {
  const { create } = await embedders[id]!.load()
  const options: EmbedderOptions = ENCODERS[id] ?? { baseUrl: server.url, dimensions: DIMENSIONS, model: 'hashes' }
  const resources = { postJson: createPostJson(), models: localModels, embedderTable: readEmbedderTable }
  const embedder: Embedder = await create(options, resources)
  const { dimensions } = embedder
  const apart = id in ENCODERS ? ONNX_APART : APART

  test('rows of unit length, but zero for a text without a sign', async () => {
    await fc.assert(
      fc.asyncProperty(anyPrompts, async texts => {
        const vectors = await embedder.embed(texts)
        expect(vectors).toHaveLength(texts.length * dimensions)
        for (const [i, text] of texts.entries()) {
          const length = Math.hypot(...vectors.subarray(i * dimensions, (i + 1) * dimensions))
          if (text.trim() === '') expect(length).toBe(0)
          else if (length !== 0) expect(length).toBeCloseTo(1, 5)
        }
      }),
      { numRuns: 20 },
    )
  })

  test('a text with a sign in it has a direction, however long or odd', async () => {
    const texts = [...ODD.filter(text => /[^\s\0]/.test(text)), MEGABYTE]
    const vectors = await embedder.embed(texts)
    for (const [i, text] of texts.entries()) {
      expect(Math.hypot(...vectors.subarray(i * dimensions, (i + 1) * dimensions)), text.slice(0, 20)).toBeCloseTo(1, 5)
    }
  })

  test('a batch gives what its texts give one by one, in any order', async () => {
    const vectors = await embedder.embed(PROMPTS)
    const reversed = await embedder.embed(PROMPTS.toReversed())
    for (const [i, text] of PROMPTS.entries()) {
      const row = vectors.slice(i * dimensions, (i + 1) * dimensions)
      expectNear(await embedder.embed([text]), row, apart)
      const place = PROMPTS.length - 1 - i
      expectNear(reversed.slice(place * dimensions, (place + 1) * dimensions), row, apart)
    }
  })

  test('no texts give no vectors', async () => {
    expect(await embedder.embed([])).toHaveLength(0)
  })

  test('a second one gives the same', async () => {
    const other = await create(options, resources)
    expect(await other.embed(PROMPTS)).toEqual(await embedder.embed(PROMPTS))
    expect(other).toMatchObject({ id: embedder.id, dimensions })
    expect(embedder.id.split(':')[0]).toBe(id)
  })
})

const SCORES = { accuracy: 0.5, speed: 0.5 }
const LARGE = {
  id: 'large',
  weight: 2,
  inputPrice: 5,
  outputPrice: 15,
  outputTokens: 200,
  profile: { ...SCORES, accuracy: 0.9 },
}
const MIDDLE = { id: 'middle', inputPrice: 1, outputPrice: 3, outputTokens: 200, profile: SCORES }
const SMALL = {
  id: 'small',
  weight: 3,
  inputPrice: 0.1,
  outputPrice: 0.2,
  outputTokens: 200,
  profile: { ...SCORES, speed: 0.9 },
}
const POOL = { models: [LARGE, MIDDLE, SMALL], pair: { strong: LARGE, weak: SMALL } }
/** Options of those that have nothing to decide by without. */
const POLICY_OPTIONS: Readonly<Record<string, unknown>> = {
  rules: [{ when: { length: { gte: 12 } }, model: 'large' }, { model: 'small' }],
  static: { tasks: { code: 'large' }, default: 'small' },
  chain: { order: ['ab', 'round_robin'] },
  learned: { checkpoint: 'learned' },
  content: {
    rules: [
      { sensitive: true, use: 'strong' },
      { task: ['code', 'maths'], model: 'large' },
      { topic: 'science', sentiment: 'negative', model: 'middle' },
    ],
    default: 'small',
  },
  context: {
    rules: [
      { language: ['de', 'ja'], model: 'middle' },
      { complexity: { gte: 0.3 }, use: 'strong' },
      { domain: 'science', turns: { gte: 2 }, conversation: { gte: 10 }, model: 'middle' },
    ],
    default: 'small',
  },
}
/** Their decisions follow from those before, so they may differ one by one from those of another order. */
const STATEFUL = ['round_robin', 'weighted_round_robin', 'least_connections', 'performance', 'adaptive']

/** Weights of `learned`: large where a prompt is hard, else by turns middle and small. */
async function fittedPolicy(): Promise<Checkpoint> {
  const [language, taskType, topic] = await Promise.all(['language', 'task_type', 'topic'].map(readClassifier))
  const labels = outcomes.categories.map((category, i) => (category === 'hard' ? 0 : 1 + (i % 2)))
  const rows = { prompts: outcomes.prompts, labels, models: POOL.models.map(model => model.id) }
  return fitLearned(rows, { language: language!, taskType: taskType!, topic: topic! }, 5)
}

describe.each(Object.keys(policies))('policy %s', async id => {
  const partsAt = (statistics: PoolStatistics | undefined, policyId: string, seed: number): PolicyParts => ({
    options: Object.hasOwn(POLICY_OPTIONS, policyId) ? POLICY_OPTIONS[policyId] : undefined,
    pool: { ...POOL, ...(statistics ? { statistics } : {}) },
    seed,
    now: () => 1_000_000,
    strategy: async () => ({
      strategy: await (await strategies.random!.load()).create(resourcesOf()),
      strategyId: 'random',
      threshold: 0.5,
    }),
    policy: other => createPolicy(other, statistics, seed),
    checkpoint: () => fittedPolicy(),
    classifier: readClassifier,
  })
  const createPolicy = async (policyId: string, statistics?: PoolStatistics, seed = 3) =>
    (await policies[policyId]!.load()).create(partsAt(statistics, policyId, seed))
  const requests: RouteRequest[] = PROMPTS.map((prompt, i) => (i % 3 === 0 ? { prompt, key: `user ${i}` } : { prompt }))
  const policy = await createPolicy(id)

  test('one decision per request, for models of the pool, with reasons', async () => {
    const decisions = await policy.decide(requests, POOL)
    expect(decisions).toHaveLength(requests.length)
    for (const decision of decisions) expectSound(decision!, POOL.models)
    expect(await policy.decide([], POOL)).toEqual([])
  })

  test('any prompts: empty, emoji, a lone surrogate, 1 MB', async () => {
    const odd = [...ODD, MEGABYTE, 'x'.repeat(1 << 20)].map(prompt => ({ prompt }))
    for (const decision of await policy.decide(odd, POOL)) expectSound(decision!, POOL.models)
    await fc.assert(
      fc.asyncProperty(anyPrompts, async prompts => {
        const decisions = await policy.decide(
          prompts.map(prompt => ({ prompt })),
          POOL,
        )
        expect(decisions).toHaveLength(prompts.length)
        for (const decision of decisions) expectSound(decision!, POOL.models)
      }),
      { numRuns: 20 },
    )
  })

  test('only candidates are chosen, or named as alternatives', async () => {
    for (const candidates of [[LARGE, SMALL], [SMALL], [LARGE], [SMALL, MIDDLE]]) {
      const decisions = await policy.decide(
        requests.map(request => ({ ...request, candidates })),
        POOL,
      )
      expect(decisions).toHaveLength(requests.length)
      for (const decision of decisions) if (decision) expectSound(decision, candidates)
      if (candidates.includes(SMALL)) expect(decisions).not.toContain(undefined)
    }
  })

  test('a model whose breaker is open is not picked while another can serve', async () => {
    const statistics = createStatistics({ now: () => 1_000_000 })
    statistics.setBreaker('large', true, 'insufficient quota')
    const router = createPoolRouter(await createPolicy(id, statistics), { ...POOL, statistics })
    for (const decision of await router.decide(requests)) {
      if ('refused' in decision) throw new Error(decision.refused)
      expect(decision.models).not.toContain('large')
    }
  })

  test('same seed, clock, statistics and requests: same decisions', async () => {
    const decided = async () => {
      const statistics = createStatistics({ now: () => 1_000_000 })
      const run = await createPolicy(id, statistics)
      const decisions: (Decision | undefined)[] = []
      for (let round = 0; round < 5; round++) {
        const made = await run.decide(requests, { ...POOL, statistics })
        for (const [i, decision] of made.entries()) {
          statistics.start(decision!.model)
          if ((i + round) % 5 === 0) statistics.fail(decision!.model)
          else if (i % 7 > 0)
            statistics.succeed(decision!.model, { latency: 100 + ((i * 37 + round) % 90), cost: 0.01 })
        }
        decisions.push(...made)
      }
      return decisions
    }
    expect(await decided()).toEqual(await decided())
  })

  if (!STATEFUL.includes(id))
    test('requests one by one, or in another order, are decided alike', async () => {
      const decisions = await policy.decide(requests, POOL)
      expect(await policy.decide(requests.toReversed(), POOL)).toEqual(decisions.toReversed())
      for (const [i, request] of requests.entries())
        expect(await policy.decide([request], POOL)).toEqual([decisions[i]])
    })

  test('options say what they are, and unknown ones are refused', async () => {
    const { options, create } = await policies[id]!.load()
    if (!options) return
    const { properties = {} } = toJsonSchema(options as v.GenericSchema, { errorMode: 'ignore' })
    for (const [name, entry] of Object.entries(properties)) expect(entry, name).toHaveProperty('description')
    await expect(async () => create({ ...partsAt(undefined, id, 0), options: { no_such: 1 } })).rejects.toThrow(
      UsageError,
    )
  })

  function expectSound(decision: Decision, models: readonly Model[]): void {
    const ids = models.map(model => model.id)
    expect(decision.policy).toBe(id)
    expect(decision.models[0]).toBe(decision.model)
    for (const chosen of decision.models) expect(ids).toContain(chosen)
    for (const { name, weight } of decision.reasons ?? []) {
      expect(name).not.toBe('')
      expect(weight).toSatisfy(Number.isFinite)
    }
    if (id !== 'threshold') expect(decision.reasons).not.toEqual([])
    for (const { model } of decision.alternatives ?? []) {
      expect(ids).toContain(model)
      expect(model).not.toBe(decision.model)
    }
  }
})

function expectNear(
  actual: Float64Array | Float32Array,
  expected: Float64Array | Float32Array,
  most: number = APART,
): void {
  expect(actual).toHaveLength(expected.length)
  const apart = Array.from(actual, (value, i) => Math.abs(value - expected[i]!))
  expect(Math.max(0, ...apart)).toBeLessThanOrEqual(most)
}

function bytesOf({ buffer, byteOffset, byteLength }: TensorData): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function withScores(scoreAt: (place: number) => number) {
  const rows = syntheticOutcomes({ rows: 40 })
  const scores = rows.scores.map((_, k) => scoreAt(k))
  const column = (model: number) => scores.filter((_, k) => k % 2 === model)
  return { ...rows, scores, weak: column(0), strong: column(1) }
}

/** The chance that a hard prompt is ranked above an easy one. */
function areaUnderCurve(values: Float64Array, isPositive: readonly boolean[]): number {
  const [above, below] = [true, false].map(side => values.filter((_, i) => isPositive[i] === side)) as [
    Float64Array,
    Float64Array,
  ]
  let wins = 0
  for (const high of above) for (const low of below) wins += high > low ? 1 : high === low ? 0.5 : 0
  return wins / (above.length * below.length)
}
