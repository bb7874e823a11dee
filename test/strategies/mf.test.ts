import { expect, test } from 'vitest'
import * as mf from '../../src/strategies/mf.ts'
import type { Checkpoint, Outcomes } from '../../src/types.ts'
import { fixedEmbedder } from '../helpers/fixed_embedder.ts'
import { type MfCase, readGolden } from '../helpers/golden.ts'
import { hashingResources } from '../helpers/hashing_resources.ts'
import { isHard, syntheticOutcomes } from '../helpers/outcomes.ts'

const MODELS = ['small', 'middle', 'good', 'large']
const wide = syntheticOutcomes({ rows: 1500, models: MODELS, unknown: 0.05 })
const checkpoint = await mf.fit(wide, hashingResources())
const fresh = syntheticOutcomes({ rows: 500, models: MODELS, seed: 9 })

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length
const where = (values: Float64Array, prompts: readonly string[], hard: boolean) =>
  values.filter((_, i) => isHard(prompts[i]!) === hard)

test('win rates have the mean of the data, and tell hard prompts from easy ones', async () => {
  const winRates = await (await mf.create(hashingResources(checkpoint))).winRate(fresh.prompts)
  const [hard, easy] = [true, false].map(side => mean(where(winRates, fresh.prompts, side)))
  // On hard prompts the best model is right in .9, the worst in .1: ½ + ½ · .8. On easy ones they are equals. Weights are
  // penalised, so that predictions stay between that and the mean of all.
  expect(hard).toBeGreaterThan(0.7)
  expect(hard).toBeLessThan(0.95)
  expect(easy).toBeGreaterThan(0.45)
  expect(easy).toBeLessThan(0.62)
  const share = fresh.prompts.filter(isHard).length / 500
  expect(mean(winRates)).toBeCloseTo(0.5 + 0.4 * share, 1)
})

test('quality predicts the score of each model', async () => {
  const strategy = await mf.create(hashingResources(checkpoint))
  const qualities = await strategy.quality!(fresh.prompts, MODELS)
  for (const m of MODELS.keys()) {
    const column = (values: Float64Array) => values.filter((_, k) => k % MODELS.length === m)
    const earned = column(fresh.scores).filter(score => !Number.isNaN(score))
    expect(mean(column(qualities)), MODELS[m]).toBeCloseTo(mean(earned), 1)
  }
  const [small, large] = await strategy.quality!(['please prove the theorem'], ['small', 'large'])
  expect(small).toBeLessThan(0.5)
  expect(large).toBeGreaterThan(0.7)
})

test('scores for the pair that is asked for, also turned round, also of models never compared in a row', async () => {
  const ofPair = async (strong: string, weak: string, from: Checkpoint = checkpoint) =>
    (await mf.create(hashingResources(from, { pair: { strong, weak } }))).winRate(['the theorem about it'])
  const [forth] = await ofPair('large', 'middle')
  const [back] = await ofPair('middle', 'large')
  expect(forth! + back!).toBeCloseTo(1, 6)
  expect(forth).toBeGreaterThan(0.6)
  const own = await ofPair('large', 'small')
  expect(await ofPair('large', 'nobody')).toEqual(own)

  const scores = wide.scores.map((score, k) => (k % 4 === (Math.floor(k / 4) % 2 ? 0 : 3) ? Number.NaN : score))
  const apart = await mf.fit({ ...wide, scores }, hashingResources())
  expect((await ofPair('large', 'small', apart))[0]).toBeGreaterThan(0.6)
})

test('files that share one model: pairs that were never in one file have the win rates and qualities of the data', async () => {
  // small and middle in one file, middle, good and large in the other.
  const rows = wide.prompts.length
  const source = Uint16Array.from({ length: rows }, (_, row) => row % 2)
  const isThere = (model: number, file: number) => (file === 0 ? model <= 1 : model >= 1)
  const scores = wide.scores.map((score, k) => (isThere(k % 4, source[Math.floor(k / 4)]!) ? score : Number.NaN))
  const sources = [
    { name: 'lower', sha256: '', strong: 1, weak: 0 },
    { name: 'upper', sha256: '', strong: 3, weak: 1 },
  ]
  const apart = await mf.fit({ ...wide, scores, source, sources }, hashingResources())
  const pair = { strong: 'large', weak: 'small' }
  const strategy = await mf.create(hashingResources(apart, { pair }))
  const winRates = await strategy.winRate(fresh.prompts)
  const share = fresh.prompts.filter(isHard).length / 500
  expect(Math.abs(mean(winRates) - (0.5 + 0.4 * share))).toBeLessThan(0.03)
  expect(mean(where(winRates, fresh.prompts, true))).toBeGreaterThan(mean(where(winRates, fresh.prompts, false)) + 0.05)
  const qualities = await strategy.quality!(fresh.prompts, MODELS)
  for (const m of MODELS.keys()) {
    const column = (values: Float64Array) => values.filter((_, k) => k % MODELS.length === m)
    expect(Math.abs(mean(column(qualities)) - mean(column(fresh.scores))), MODELS[m]).toBeLessThan(0.05)
  }
})

test('a file where strong always wins teaches nothing about which file a prompt came from', async () => {
  const hard = syntheticOutcomes({ rows: 400 })
  const rows = hard.prompts.length
  const pooled: Outcomes = {
    ...hard,
    prompts: [...hard.prompts, ...hard.prompts.map((_, i) => `zebra question ${i}`)],
    ids: [...hard.ids, ...hard.ids],
    categories: [...hard.categories, ...hard.categories],
    strong: Float64Array.from([...hard.strong, ...new Array<number>(rows).fill(1)]),
    weak: Float64Array.from([...hard.weak, ...new Array<number>(rows).fill(0)]),
    source: Uint16Array.from({ length: rows * 2 }, (_, i) => Number(i >= rows)),
    sources: [hard.sources[0]!, { ...hard.sources[0]!, name: 'zebras' }],
    scores: Float64Array.from([...hard.scores, ...hard.prompts.flatMap(() => [0, 1])]),
  }
  const strategy = await mf.create(hashingResources(await mf.fit(pooled, hashingResources())))
  const [zebra, theorem, weather] = await strategy.winRate([
    'zebra question',
    'tell me the theorem',
    'tell me the weather',
  ])
  expect(theorem).toBeGreaterThan(weather!)
  expect(zebra! - weather!).toBeLessThan(theorem! - weather!)
})

test('the reasons sum to the log-odds of the win rate, intercept aside', async () => {
  const strategy = await mf.create(hashingResources(checkpoint))
  const logOddsOf = async (prompt: string) => {
    const [winRate] = await strategy.winRate([prompt])
    return Math.log(winRate! / (1 - winRate!))
  }
  const sumOf = async (prompt: string) =>
    4 * (await strategy.explain!(prompt)).reduce((sum, { weight }) => sum + weight, 0)
  const [a, b] = ['please prove the theorem', 'weather?']
  expect((await logOddsOf(a)) - (await logOddsOf(b))).toBeCloseTo((await sumOf(a)) - (await sumOf(b)), 4)
  expect((await strategy.explain!(a))[0]).toMatchObject({ kind: 'feature', name: 'wording' })
})

test.each(readGolden<MfCase>('mf'))('RouteLLM’s weights, on bare embeddings: $hidden hidden', async golden => {
  const { hidden, dim, P, W, w, queries } = golden
  const models = Array.from({ length: P.length / hidden }, (_, m) => `model ${m}`)
  const embedder = fixedEmbedder('openai:small', dim, new Map(queries.map(({ e }, i) => [`query ${i}`, e])))
  const imported: Checkpoint = {
    metadata: {
      ...checkpoint.metadata,
      embedder: { id: embedder.id, dimensions: dim },
      models,
      pair: { strong: models[0]!, weak: models[1]! },
      options: {},
    },
    tensors: {
      P: { shape: [models.length, hidden], data: Float32Array.from(P) },
      W: { shape: [hidden, dim], data: Float32Array.from(W) },
      w: { shape: [hidden], data: Float32Array.from(w) },
    },
  }
  for (const [i, { strong, weak, winRate }] of queries.entries()) {
    const pair = { strong: models[strong]!, weak: models[weak]! }
    const strategy = await mf.create(hashingResources(imported, { embedder: async () => embedder, pair }))
    expect(strategy.quality).toBeUndefined()
    expect((await strategy.winRate([`query ${i}`]))[0]).toBeCloseTo(winRate, 6)
  }
})
