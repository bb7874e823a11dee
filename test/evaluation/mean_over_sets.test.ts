import { expect, test } from 'vitest'
import { createBenchmark } from '../../src/evaluation/benchmark.ts'
import { meanOverSets, type ScoredSet } from '../../src/evaluation/mean_over_sets.ts'
import { createRandom } from '../../src/math/random.ts'

/** Rows on which a win rate of quality `skill` (0..1) knows where strong adds something, and `length` knows nothing. */
function setOf(rows: number, seed: number, skill: number, draws = 1): ScoredSet {
  const random = createRandom(seed)
  const weak = Float64Array.from({ length: rows }, () => Number(random() < 0.5))
  const strong = weak.map(score => (score ? Number(random() < 0.95) : Number(random() < 0.6)))
  const rates = () => weak.map(score => (random() < skill ? 1 - score : 0) * 0.5 + random() * 0.5)
  const tests = Array.from({ length: draws }, () => ({ strong, weak }))
  return {
    tests,
    winRates: new Map([
      ['own', tests.map(() => [rates()])],
      ['length', tests.map(() => [strong.map(() => random())])],
    ]),
  }
}

const OPTIONS = { resamples: 200, seed: 3 }
const ids = ['own', 'length']

test('of one set: what the benchmark of that set says', () => {
  const set = setOf(200, 1, 0.6)
  const [own, length] = meanOverSets([set], ids, OPTIONS)
  const benchmark = createBenchmark(set.tests, set.winRates.get('length')!, OPTIONS)
  const { apgr, apgrLow, apgrHigh, minusLength, minusLengthLow, minusLengthHigh, ...others } = benchmark.measure(
    'own',
    set.winRates.get('own')!,
  )
  const { beatsLength, beatsRandom } = others
  const figures = { apgr, apgrLow, apgrHigh, beatsRandom, minusLength, minusLengthLow, minusLengthHigh, beatsLength }
  expect(own).toEqual({ id: 'own', sets: 1, ...figures })
  expect(own).toMatchObject({ beatsLength: true, beatsRandom: true })
  expect(length).toMatchObject({ minusLength: 0, minusLengthLow: 0, minusLengthHigh: 0, beatsLength: null })
})

test('of several: the mean, narrower than that of each, and the same for the same seed', () => {
  const sets = [1, 2, 3, 4].map(seed => setOf(150, seed, 0.3))
  const [mean] = meanOverSets(sets, ids, OPTIONS)
  const each = sets.map(set => meanOverSets([set], ids, OPTIONS)[0]!)
  expect(mean!.sets).toBe(4)
  expect(mean!.apgr).toBeCloseTo(each.reduce((sum, { apgr }) => sum + apgr!, 0) / 4, 12)
  expect(mean!.minusLength).toBeCloseTo(each.reduce((sum, { minusLength }) => sum + minusLength!, 0) / 4, 12)
  const width = (measured: typeof mean) => measured!.apgrHigh! - measured!.apgrLow!
  for (const one of each) expect(width(mean)).toBeLessThan(0.75 * width(one))
  expect(meanOverSets(sets, ids, OPTIONS)[0]).toEqual(mean)
  expect(mean!.apgrLow).toBeLessThan(mean!.apgr!)
  expect(mean!.apgrHigh).toBeGreaterThan(mean!.apgr!)
})

test('a set without a gap is left out; none at all has no figures', () => {
  const set = setOf(150, 5, 0.5)
  const [test0] = set.tests
  const inverted: ScoredSet = { ...set, tests: [{ strong: test0!.weak, weak: test0!.strong }] }
  expect(meanOverSets([set, inverted], ids, OPTIONS)).toEqual(meanOverSets([set], ids, OPTIONS))
  expect(meanOverSets([inverted], ids, OPTIONS)[0]).toEqual({
    ...{ id: 'own', sets: 0, apgr: null, apgrLow: null, apgrHigh: null, beatsRandom: null },
    ...{ minusLength: null, minusLengthLow: null, minusLengthHigh: null, beatsLength: null },
  })
})

test('of several draws: values are means over them, the interval speaks of one', () => {
  const sets = [setOf(150, 6, 0.4, 3), setOf(150, 7, 0.4)]
  const [mean] = meanOverSets(sets, ids, OPTIONS)
  const first = sets[0]!.tests.map((test, d) => {
    const winRates = new Map(Array.from(sets[0]!.winRates, ([id, rates]) => [id, [rates[d]!]] as const))
    return meanOverSets([{ tests: [test], winRates }], ids, OPTIONS)[0]!.apgr!
  })
  const second = meanOverSets([sets[1]!], ids, OPTIONS)[0]!.apgr!
  expect(mean!.apgr).toBeCloseTo((first.reduce((sum, apgr) => sum + apgr, 0) / 3 + second) / 2, 12)
  expect(mean!.apgrHigh! - mean!.apgrLow!).toBeGreaterThan(0.03)
})
