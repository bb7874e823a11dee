import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/errors.ts'
import * as swRanking from '../../src/strategies/sw_ranking.ts'
import { rowTensors } from '../../src/strategies/training_rows.ts'
import type { Checkpoint } from '../../src/types.ts'
import { fixedEmbedder } from '../helpers/fixed_embedder.ts'
import { readGolden, type SwRankingCase, scoreOf } from '../helpers/golden.ts'
import { hashingResources } from '../helpers/hashing_resources.ts'
import { syntheticOutcomes } from '../helpers/outcomes.ts'

const unit = (vector: readonly number[]) => vector.map(value => value / Math.hypot(...vector))
const pair = await swRanking.fit(syntheticOutcomes({ rows: 400 }), hashingResources())

// To 2e-3, not 1e-6: embeddings of battles are kept in 8 bits, which moves a cosine by up to 0.004.
describe.each(readGolden<SwRankingCase>('sw_ranking'))('RouteLLM’s battles on bare embeddings: $name', golden => {
  const { dim, models, a, b } = golden
  const rows = a.map((_, i) => unit(golden.embeddings.slice(i * dim, (i + 1) * dim)))
  const names = Array.from({ length: models }, (_, m) => `model ${m}`)
  const texts = { ids: a.map((_, i) => `${i}`), categories: a.map(() => ''), prompts: a.map(() => '') }
  const checkpoint: Checkpoint = {
    metadata: {
      ...pair.metadata,
      embedder: { id: 'fixed', dimensions: dim },
      models: names,
      pair: { strong: names[golden.strong]!, weak: names[golden.weak]! },
      options: { sharpness: 1 },
    },
    tensors: {
      ...rowTensors(texts, Float32Array.from(rows.flat()), dim, false),
      tiers: { shape: [models], data: Uint8Array.from(golden.tiers) },
      battle_rows: { shape: [a.length], data: Int32Array.from(a.keys()) },
      battle_a: { shape: [a.length], data: Uint16Array.from(a) },
      battle_b: { shape: [a.length], data: Uint16Array.from(b) },
      battle_score: { shape: [a.length], data: Float32Array.from(golden.winner, winner => scoreOf[winner]!) },
    },
  }

  test('win rates', async () => {
    const vectors = new Map(golden.queries.map(({ e }, i) => [`query ${i}`, unit(e)]))
    const embedder = async () => fixedEmbedder('fixed', dim, vectors)
    const strategy = await swRanking.create(hashingResources(checkpoint, { embedder }))
    const winRates = await strategy.winRate([...vectors.keys()])
    for (const [i, { winRate }] of golden.queries.entries()) expect(Math.abs(winRates[i]! - winRate)).toBeLessThan(2e-3)
  })
})

test('with two models the rating still depends on the prompt, around the level of the data', async () => {
  const strategy = await swRanking.create(hashingResources(pair))
  const [hard, easy] = await strategy.winRate(['tell me the theorem', 'tell me the weather'])
  expect(hard).toBeGreaterThan(easy! + 0.05)
  expect((hard! + easy!) / 2).toBeGreaterThan(0.55)
  expect((hard! + easy!) / 2).toBeLessThan(0.8)
})

test('many models: any known pair, also two of one tier', async () => {
  const models = Array.from({ length: 14 }, (_, m) => `model ${m}`)
  const checkpoint = await swRanking.fit(syntheticOutcomes({ rows: 400, models }), hashingResources())
  const tiers = checkpoint.tensors.tiers!.data as Uint8Array
  expect(new Set(tiers).size).toBe(10)
  expect(tiers[13]).toBe(0)
  const strong = models.findIndex((_, m) => tiers.indexOf(tiers[m]!) !== m)
  const weak = tiers.indexOf(tiers[strong]!)
  const asked = { strong: models[strong]!, weak: models[weak]! }
  const equals = await swRanking.create(hashingResources(checkpoint, { pair: asked }))
  const [a, b] = await equals.winRate(['tell me the theorem', 'tell me the weather'])
  expect(a).not.toBeCloseTo(b!, 4)

  const farApart = await swRanking.create(hashingResources(checkpoint))
  const [hard, easy] = await farApart.winRate(['tell me the theorem', 'tell me the weather'])
  expect(hard).toBeGreaterThan(easy! + 0.05)
})

test('explains by battles of the pair on like prompts: id, category and pull, no text', async () => {
  const reasons = await (await swRanking.create(hashingResources(pair))).explain!('tell me about the theorem')
  expect(reasons).toHaveLength(5)
  for (const { kind, name, text } of reasons) {
    expect(kind).toBe('neighbour')
    expect(name).toMatch(/^row-\d+$/)
    expect(text).toBeUndefined()
  }
  expect(reasons[0]).toMatchObject({ category: 'hard' })
  expect(reasons[0]!.weight).toBeGreaterThan(0)
})

test('rows of one known model are no battles', async () => {
  const rows = syntheticOutcomes({ rows: 10 })
  const alone = { ...rows, scores: rows.scores.map((score, k) => (k % 2 ? score : Number.NaN)) }
  await expect(swRanking.fit(alone, hashingResources())).rejects.toThrow(UsageError)
})

test('numbers that point nowhere are refused', async () => {
  const { data, shape } = pair.tensors.battle_rows!
  const tensors = { ...pair.tensors, battle_rows: { shape, data: (data as Int32Array).map(row => row + 1) } }
  await expect(swRanking.create(hashingResources({ ...pair, tensors }))).rejects.toThrow(
    'sw_ranking: expected the numbers of tensor battle_rows to be below 400, got others.',
  )
})
