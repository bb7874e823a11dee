import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/errors.ts'
import { createBenchmark, type TestSet } from '../../src/evaluation/benchmark.ts'
import { curve } from '../../src/evaluation/curve.ts'
import { apgr, cpt } from '../../src/evaluation/metrics.ts'
import { createRandom } from '../../src/math/random.ts'
import { mean, outcomesOf } from '../helpers/outcome_arbitraries.ts'

const options = { resamples: 50, seed: 3 }

/** 400 rows on which strong helps more often the higher `skill` is; a router of that skill and one that only guesses. */
function simulated(gain = 0.3) {
  const random = createRandom(7)
  const rows = Array.from({ length: 400 }, () => {
    const skill = random()
    const weak = random() < 0.5 ? 1 : 0
    const strong = weak === 0 && random() < 2 * gain * skill ? 1 : weak
    return { skill, guess: random(), strong, weak }
  })
  const test: TestSet = {
    strong: Float64Array.from(rows, ({ strong }) => strong),
    weak: Float64Array.from(rows, ({ weak }) => weak),
  }
  return {
    test,
    skill: Float64Array.from(rows, ({ skill }) => skill),
    guess: Float64Array.from(rows, ({ guess }) => guess),
    oracle: Float64Array.from(rows, ({ strong, weak }) => 0.5 + (strong - weak) / 2),
  }
}

describe('one test set', () => {
  test('figures are those of curve, apgr and cpt', () => {
    fc.assert(
      fc.property(outcomesOf({ minRows: 1, maxRows: 30 }), ({ winRates, strong, weak }) => {
        const benchmark = createBenchmark([{ strong, weak }], [[winRates]], { resamples: 5, seed: 0 })
        const points = curve(winRates, strong, weak)
        const [s, w] = [mean(strong), mean(weak)]
        const measured = benchmark.measure('x', [[winRates]])
        expect(
          measured.curve.map(({ threshold, strongShare, quality }) => ({ threshold, strongShare, quality })),
        ).toEqual(points)
        expect(measured.apgr).toBe(apgr(points, benchmark.quality.strong, benchmark.quality.weak))
        expect(measured.cpt20).toBe(cpt(points, 0.2, benchmark.quality.strong, benchmark.quality.weak))
        expect(measured.cpt80).toBe(cpt(points, 0.8, benchmark.quality.strong, benchmark.quality.weak))
        expect(benchmark.quality.strong).toBeCloseTo(s, 12)
        expect(benchmark.quality.weak).toBeCloseTo(w, 12)
        expect(measured.rows).toBe(strong.length)
        expect((benchmark.quality.gapLow + benchmark.quality.gapHigh) / 2).toBeCloseTo(s - w, 12)
        expect(measured.costPer1000).toBeNull()
      }),
      { numRuns: 60 },
    )
  })

  test('what ranks as length does differs from it by exactly nothing, and does not beat it', () => {
    const { test: set, guess } = simulated()
    const benchmark = createBenchmark([set], [[guess]], options)
    const same = benchmark.measure('same', [[guess.map(rate => rate ** 3)]])
    expect(same).toMatchObject({ minusLength: 0, minusLengthLow: 0, minusLengthHigh: 0, beatsLength: null })
    expect(benchmark.length).toMatchObject({ id: 'length', minusLength: 0, beatsLength: null })
  })

  test('a router that knows something beats one that guesses, and the other way round is worse', () => {
    const { test: set, skill, guess, oracle } = simulated()
    const benchmark = createBenchmark([set], [[guess]], options)
    const good = benchmark.measure('good', [[skill]])
    expect(good.beatsLength).toBe(true)
    expect(good.minusLengthLow).toBeGreaterThan(0)
    expect(good.minusLength).toBeCloseTo(good.apgr! - benchmark.length.apgr!, 12)
    expect(good.apgrLow).toBeLessThan(good.apgr!)
    expect(good.apgrHigh).toBeGreaterThan(good.apgr!)
    expect(createBenchmark([set], [[skill]], options).measure('bad', [[guess]]).beatsLength).toBe(false)
    expect(benchmark.measure('oracle', [[oracle]]).apgr).toBeGreaterThan(good.apgr!)
  })

  test('the paired interval of a difference is narrower than the two intervals together', () => {
    const { test: set, skill } = simulated()
    const nearly = skill.map((rate, i) => (i % 20 ? rate : 1 - rate))
    const benchmark = createBenchmark([set], [[skill]], options)
    const { minusLengthLow, minusLengthHigh, apgrLow, apgrHigh } = benchmark.measure('nearly', [[nearly]])
    expect(minusLengthHigh! - minusLengthLow!).toBeLessThan((apgrHigh! - apgrLow!) / 1.5)
  })

  test.each([
    ['worse', -1],
    ['equal', 0],
  ])('strong %s than weak: nothing is defined, and nothing throws', (_, sign) => {
    const { test: set, skill, guess } = simulated()
    const turned = sign ? { strong: set.weak, weak: set.strong } : { strong: set.weak, weak: set.weak }
    const measured = createBenchmark([turned], [[guess]], options).measure('x', [[skill]])
    const { apgr: value, apgrLow, apgrHigh, cpt20, cpt50, cpt80, beatsLength, minusLength } = measured
    expect([value, apgrLow, apgrHigh, cpt20, cpt50, cpt80, beatsLength, minusLength]).toEqual(new Array(8).fill(null))
    expect(measured.curve).toHaveLength(11)
  })

  test('a single model is one point', () => {
    const { test: set, guess } = simulated()
    const costs = { strong: new Float64Array(400).fill(0.02), weak: new Float64Array(400).fill(0.001) }
    const benchmark = createBenchmark([{ ...set, costs }], [[guess]], options)
    const strong = benchmark.single('strong')
    const weak = benchmark.single('weak')
    expect(strong.curve).toMatchObject([{ threshold: 0, strongShare: 1 }])
    expect(weak.curve).toMatchObject([{ threshold: null, strongShare: 0 }])
    expect(strong.curve[0]!.quality).toBeCloseTo(benchmark.quality.strong, 12)
    expect(weak.quality50).toBe(benchmark.quality.weak)
    expect(strong).toMatchObject({ apgr: null, cpt50: null, beatsLength: null, minusLength: null })
    expect(strong.costPer1000).toBeCloseTo(20, 10)
    expect(weak.costPer1000).toBeCloseTo(1, 10)
  })

  test('cost per 1,000 prompts is taken at CPT 50 %, from the costs of the prompts that are sent', () => {
    const strong = Float64Array.from({ length: 10 }, () => 1)
    const weak = Float64Array.from({ length: 10 }, (_, i) => (i < 4 ? 0 : 1))
    const rates = Float64Array.from({ length: 10 }, (_, i) => 1 - i / 10)
    const costs = { strong: Float64Array.from({ length: 10 }, (_, i) => i + 1), weak: new Float64Array(10) }
    const benchmark = createBenchmark([{ strong, weak, costs }], [[rates]], options)
    // Two of the four prompts that strong alone answers: rows 0 and 1, which cost 1 + 2 dollars for ten prompts.
    expect(benchmark.length.cpt50).toBeCloseTo(0.2, 9)
    expect(benchmark.length.costPer1000).toBeCloseTo(300, 6)
  })

  test('an interval around every point of the curve', () => {
    const { test: set, skill } = simulated()
    const benchmark = createBenchmark([set], [[skill]], options)
    for (const { quality, qualityLow, qualityHigh } of benchmark.length.curve) {
      const error = Math.sqrt((quality * (1 - quality)) / 400)
      expect(qualityHigh - qualityLow).toBeCloseTo(2 * 1.959964 * error, 9)
      expect((qualityHigh + qualityLow) / 2).toBeCloseTo(quality, 9)
    }
  })
})

describe('against the better single model', () => {
  /** Half the prompts only strong answers, a third only weak. */
  const strong = Float64Array.from({ length: 300 }, (_, i) => (i < 150 ? 1 : 0))
  const weak = Float64Array.from({ length: 300 }, (_, i) => (i >= 200 ? 1 : 0))

  test('two models that know different things: a router that knows which beats both', () => {
    const knows = Float64Array.from({ length: 300 }, (_, i) => 1 - i / 300)
    const guesses = Float64Array.from({ length: 300 }, (_, i) => ((i * 7) % 300) / 300)
    const benchmark = createBenchmark([{ strong, weak }], [[guesses]], options)
    expect(benchmark.measure('knows', [[knows]]).beatsSingleModel).toBe(true)
    expect(benchmark.length.beatsSingleModel).toBe(false)
    expect(benchmark.single('strong').beatsSingleModel).toBeNull()
  })

  test('the better one may be weak', () => {
    const knows = Float64Array.from({ length: 300 }, (_, i) => i / 300)
    const benchmark = createBenchmark([{ strong: weak, weak: strong }], [[knows]], options)
    expect(benchmark.length).toMatchObject({ apgr: null, beatsSingleModel: true })
  })
})

describe('several draws', () => {
  test('the same draw again changes no figure', () => {
    const { test: set, skill, guess } = simulated()
    const one = createBenchmark([set], [[guess]], options).measure('x', [[skill]])
    const twice = createBenchmark([set], [[guess]], options).measure('x', [[skill, skill]])
    expect(twice.apgr).toBeCloseTo(one.apgr!, 12)
    expect(twice.apgrLow).toBeCloseTo(one.apgrLow!, 2)
    expect(twice.beatsLength).toBe(one.beatsLength)
    const sets = createBenchmark([set, set], [[guess], [guess]], options).measure('x', [[skill], [skill]])
    expect(sets.apgr).toBeCloseTo(one.apgr!, 12)
    expect(sets.rows).toBe(400)
  })

  test('APGR is the mean over the draws, and minusLength the mean of their differences', () => {
    const { test: set, skill, guess } = simulated()
    const benchmark = createBenchmark([set], [[guess]], options)
    const [good, bad] = [benchmark.measure('a', [[skill]]).apgr!, benchmark.length.apgr!]
    const both = benchmark.measure('both', [[skill, guess]])
    expect(both.apgr).toBeCloseTo((good + bad) / 2, 12)
    expect(both.minusLength).toBeCloseTo((good - bad) / 2, 12)
    expect(both.apgrHigh! - both.apgrLow!).toBeGreaterThan(good - bad)
  })

  test('each draw is measured against the gap of its own rows, unlike the mean curve', () => {
    const { test: wide, skill, guess } = simulated(0.5)
    const { test: narrow } = simulated(0.1)
    const alone = [wide, narrow].map(set => createBenchmark([set], [[guess]], options).measure('x', [[skill]]))
    const benchmark = createBenchmark([wide, narrow], [[guess], [guess]], options)
    const both = benchmark.measure('x', [[skill], [skill]])
    expect(both.apgr).toBeCloseTo((alone[0]!.apgr! + alone[1]!.apgr!) / 2, 12)
    expect(both.minusLength).toBeCloseTo((alone[0]!.minusLength! + alone[1]!.minusLength!) / 2, 12)
    expect(Math.abs(both.apgr! - apgr(both.curve, benchmark.quality.strong, benchmark.quality.weak)!)).toBeGreaterThan(
      1e-4,
    )
    expect(both.cpt50).toBe(cpt(both.curve, 0.5, benchmark.quality.strong, benchmark.quality.weak))
  })

  test('a draw without a gap has no APGR and is left out; without a gap in the mean nothing is defined', () => {
    const { test: set, skill, guess } = simulated()
    const none: TestSet = { strong: set.weak, weak: set.weak }
    const twice = (sets: TestSet[]) =>
      createBenchmark(sets, [[guess], [guess]], options).measure('x', [[skill], [skill]])
    const alone = createBenchmark([set], [[guess]], options).measure('x', [[skill]])
    expect(twice([set, none])).toMatchObject({ apgr: alone.apgr, minusLength: alone.minusLength })
    const turned: TestSet = { strong: set.weak, weak: set.strong }
    expect(twice([set, turned])).toMatchObject({ apgr: null, minusLength: null, beatsLength: null })
  })
})

test('a win rate that is no number is not measured', () => {
  const { test: set, skill, guess } = simulated()
  const holed = skill.slice()
  holed[4] = Number.NaN
  const ids = Array.from(skill, (_, row) => `q${row}`)
  const benchmark = createBenchmark([{ ...set, ids }], [[guess]], options)
  expect(() => benchmark.measure('holed', [[skill, holed]])).toThrow(
    new UsageError(
      'holed: expected a win rate for every row, got NaN for row q4. Where it is trained here, give it more rows with scores of both models.',
    ),
  )
  expect(() => createBenchmark([set], [[holed]], options)).toThrow(
    'length: expected a win rate for every row, got NaN for row 5.',
  )
})
