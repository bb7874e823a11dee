import { describe, expect, test } from 'vitest'
import { fittedWinRates } from '../../src/evaluation/cross_validation.ts'
import { type Draw, planDraws, testSetOf } from '../../src/evaluation/draws.ts'
import {
  columnEntrant,
  type Entrant,
  type FitAndScore,
  oracleEntrant,
  randomEntrant,
  trainedEntrant,
} from '../../src/evaluation/entrants.ts'
import { evaluate, evaluateByCategory } from '../../src/evaluation/evaluate.ts'
import { measuredRows, selectRows } from '../../src/evaluation/outcomes.ts'
import { withEstimatedCosts } from '../../src/evaluation/pricing.ts'
import { createRandom } from '../../src/math/random.ts'
import * as length from '../../src/strategies/length.ts'
import * as random from '../../src/strategies/random.ts'
import type { Outcomes, Resources, StrategyModule } from '../../src/types.ts'
import { pairOutcomes } from '../helpers/pair_outcomes.ts'

const next = createRandom(11)
const outcomes = pairOutcomes(
  Array.from({ length: 240 }, (_, i) => {
    const weak = next() < 0.5 ? 1 : 0
    return {
      prompt: `prompt ${i} ${'x'.repeat(Math.floor(next() * 90))}`,
      category: ['maths', 'chat', 'code'][i % 5 === 0 ? 0 : i % 5 === 1 ? 1 : 2]!,
      strong: next() < 0.7 ? 1 : weak,
      weak,
    }
  }),
)
const all = Int32Array.from(outcomes.prompts.keys())
const resources: Resources = {
  seed: 0,
  embedder: () => Promise.reject(new Error('no embedder')),
  checkpoint: () => Promise.reject(new Error('no checkpoint')),
}
const lengthEntrant: Entrant = trainedLike('length')
const options = { resamples: 30, seed: 5 }

function trainedLike(id: string): Entrant {
  return {
    id,
    async winRates(rows, { rows: tested }) {
      const strategy = await length.create()
      return [await strategy.winRate(Array.from(tested, row => rows.prompts[row]!))]
    },
  }
}

describe('planDraws', () => {
  test('nothing to train: one draw of the rows as they are', () => {
    const rows = Int32Array.of(1, 5, 9)
    expect(planDraws(outcomes, rows, { seed: 0 })).toEqual([{ rows, fits: [] }])
  })

  test('by folds: every row once, by a fit that has not seen it', () => {
    const [draw] = planDraws(outcomes, all, { seed: 2, folds: 4 })
    expect(draw!.rows).toEqual(all)
    expect(draw!.fits.flatMap(({ test: tested }) => [...tested]).sort((a, b) => a - b)).toEqual([...all])
    for (const { train, test: tested } of draw!.fits) {
      const learned = new Set(train().prompts)
      expect(Array.from(tested).some(row => learned.has(outcomes.prompts[row]!))).toBe(false)
      expect(learned.size + tested.length).toBe(240)
    }
  })

  test('rows that are not tested are learned from all the same', () => {
    const [draw] = planDraws(outcomes, all.subarray(0, 100), { seed: 2, folds: 2 })
    expect(draw!.rows).toEqual(all.subarray(0, 100))
    expect(draw!.fits.reduce((sum, { train }) => sum + train().prompts.length, 0)).toBe(240)
  })

  test('a train size: so many rows, differently in each draw; with folds, within each fold', () => {
    const draws = planDraws(outcomes, all, { seed: 0, trainSize: 50, draws: 3 })
    expect(draws.map(({ rows }) => rows.length)).toEqual([190, 190, 190])
    const learned = draws.map(({ fits }) => fits[0]!.train().prompts)
    expect(learned.map(prompts => prompts.length)).toEqual([50, 50, 50])
    expect(learned[0]).not.toEqual(learned[1])
    const folded = planDraws(outcomes, all, { seed: 0, folds: 3, trainSize: 50, draws: 2 })
    expect(folded.map(({ rows, fits }) => [rows.length, ...fits.map(({ train }) => train().prompts.length)])).toEqual([
      [240, 50, 50, 50],
      [240, 50, 50, 50],
    ])
    expect(() => planDraws(outcomes, all, { seed: 0, folds: 3, trainSize: 200 })[0]!.fits[0]!.train()).toThrow(
      '--train-size: expected at most the 160 rows to learn from, got 200.',
    )
  })

  test('a train size counts the rows with scores of both models; others are learned from beside them', () => {
    const weak = outcomes.weak.map((score, row) => (row % 3 ? Number.NaN : score))
    const gappy = { ...outcomes, weak }
    const tested = measuredRows(gappy)
    for (const { rows, fits } of planDraws(gappy, tested, { seed: 4, trainSize: 30, draws: 3 })) {
      expect(measuredRows(fits[0]!.train())).toHaveLength(30)
      expect(fits[0]!.train().prompts.length).toBeGreaterThan(30)
      expect(rows).toHaveLength(50)
      expect(Array.from(rows, row => weak[row])).not.toContain(Number.NaN)
    }
    const [whole] = planDraws(gappy, tested, { seed: 4, trainOn: gappy, trainSize: 80 })
    expect(whole!.fits[0]!.train()).toBe(gappy)
    expect(() => planDraws(gappy, tested, { seed: 4, trainOn: gappy, trainSize: 81 })).toThrow('at most the 80 rows')
  })

  test('a part of other outcomes may leave nothing of them: they are not tested', () => {
    const repeats = pairOutcomes(Array.from({ length: 6 }, () => ({ prompt: 'the same', strong: 1, weak: 0 })))
    const [part] = planDraws(outcomes, all, { seed: 0, trainOn: repeats, trainSize: 4 })
    expect(part!.fits[0]!.train().prompts).toHaveLength(4)
  })

  test('draws of neighbouring seeds are not the same draws', () => {
    const learned = (seed: number) =>
      planDraws(outcomes, all, { seed, trainSize: 50, draws: 3 }).map(({ fits }) => fits[0]!.train().prompts.join())
    expect(new Set([...learned(0), ...learned(1), ...learned(2)]).size).toBe(9)
  })

  test('transfer: all of the other outcomes, or so many of them', () => {
    const other = selectRows(
      outcomes,
      Int32Array.from({ length: 30 }, (_, i) => i),
    )
    const [whole] = planDraws(outcomes, all, { seed: 0, trainOn: other })
    expect(whole!.rows).toEqual(all)
    expect(whole!.fits[0]!.train()).toBe(other)
    const [part] = planDraws(outcomes, all, { seed: 0, trainOn: other, trainSize: 10 })
    expect(part!.fits[0]!.train().prompts).toHaveLength(10)
  })
})

describe('evaluate', () => {
  const draws: Draw[] = [{ rows: all, fits: [] }]

  test('lines in their order, single models after length, each reported once', async () => {
    const column = columnEntrant(
      'theirs',
      Float64Array.from(all, () => next()),
    )
    const seen: string[] = []
    const { strategies, quality } = await evaluate(outcomes, draws, [column, lengthEntrant, oracleEntrant], {
      ...options,
      onMeasured: ({ id }) => void seen.push(id),
    })
    expect(strategies.map(({ id }) => id)).toEqual(['theirs', 'length', 'strong', 'weak', 'oracle'])
    expect(seen).toEqual(['length', 'strong', 'weak', 'theirs', 'oracle'])
    expect(quality.strong).toBeCloseTo(outcomes.strong.reduce((sum, score) => sum + score, 0) / 240, 12)
  })

  test('random is near one half: it is the mean over ten seeds', async () => {
    const { strategies } = await evaluate(outcomes, draws, [randomEntrant(random, resources), lengthEntrant], options)
    expect(strategies[0]!.apgr).toBeGreaterThan(0.44)
    expect(strategies[0]!.apgr).toBeLessThan(0.56)
    expect(strategies[0]!.apgrHigh! - strategies[0]!.apgrLow!).toBeGreaterThan(0.1)
  })

  test('a strategy is fitted for each fit of the draw, and progress is told', async () => {
    const sizes: number[] = []
    const module: StrategyModule = {
      async fit(train) {
        sizes.push(train.prompts.length)
        return { metadata: {} as never, tensors: {} }
      },
      create: () => length.create(),
    }
    const progress: string[] = []
    const fitAndScore: FitAndScore = (train, prompts) => fittedWinRates(module, train, prompts, resources)
    const entrants = [trainedEntrant('fitted', fitAndScore), lengthEntrant]
    const { strategies } = await evaluate(outcomes, planDraws(outcomes, all, { seed: 0, folds: 3 }), entrants, {
      ...options,
      onFit: (done, total) => void progress.push(`${done}/${total}`),
    })
    expect(sizes).toEqual([160, 160, 160])
    expect(progress).toEqual(['1/3', '2/3', '3/3'])
    expect(strategies[0]).toMatchObject({ apgr: strategies[1]!.apgr, minusLength: 0, beatsLength: null })
  })

  test('an entrant without a win rate for some row: its name and the id of the row', async () => {
    const holed = columnEntrant(
      'holed',
      Float64Array.from(all, row => (row === 6 ? Number.NaN : row)),
    )
    const rows = all.subarray(4)
    await expect(evaluate(outcomes, [{ rows, fits: [] }], [lengthEntrant, holed], options)).rejects.toThrow(
      'holed: expected a win rate for every row, got NaN for row 7.',
    )
  })

  test('by category: as if the file held only its rows', async () => {
    const entrants = [
      columnEntrant(
        'theirs',
        Float64Array.from(all, row => ((row * 37) % 240) / 240),
      ),
      lengthEntrant,
    ]
    const evaluation = await evaluate(outcomes, draws, entrants, options)
    const cuts = evaluateByCategory(outcomes, draws, evaluation, options)
    expect(cuts.map(({ category, rows }) => [category, rows])).toEqual([
      ['code', 144],
      ['chat', 48],
      ['maths', 48],
    ])
    const rows = all.filter(row => outcomes.categories[row] === 'chat')
    const alone = await evaluate(outcomes, [{ rows, fits: [] }], entrants, options)
    expect(cuts[1]!.evaluation.strategies).toEqual(alone.strategies)
    expect(cuts[1]!.evaluation.quality).toEqual(alone.quality)
  })
})

describe('costs', () => {
  const priced: Outcomes = { ...outcomes, costs: Float64Array.from({ length: 480 }, (_, i) => (i % 2 ? 1 : 3)) }

  test('of both sides of the pair; a gap is filled by the mean of the model', () => {
    const costs = priced.costs!.slice()
    costs[2] = Number.NaN
    costs[4] = 9
    const set = testSetOf({ ...priced, costs }, { rows: Int32Array.of(0, 1, 2), fits: [] })
    expect([...set.costs!.strong]).toEqual([3, 6, 9])
    expect([...set.costs!.weak]).toEqual([1, 1, 1])
    expect(testSetOf(outcomes, { rows: Int32Array.of(0), fits: [] }).costs).toBeUndefined()
  })

  test('from prices per million tokens: four characters a token, 300 tokens an answer', () => {
    const one = pairOutcomes([{ prompt: 'x'.repeat(400), strong: 1, weak: 0 }])
    const free = { id: 'weak', inputPrice: 0 }
    const [strongCost, weakCost] = withEstimatedCosts(one, [{ id: 'strong', inputPrice: 2, outputPrice: 10 }, free])
      .costs!
    expect(strongCost).toBeCloseTo(0.0032, 12)
    expect(weakCost).toBe(0)
    expect(withEstimatedCosts(one, [{ id: 'strong' }, free])).toBe(one)
    const models = [
      { id: 'strong', outputPrice: 10 },
      { id: 'weak', outputPrice: 1 },
    ]
    const estimated = withEstimatedCosts(outcomes, models)
    expect(estimated.costs![0]).toBeCloseTo(0.003, 12)
    expect(estimated.costs![1]).toBeCloseTo(0.0003, 12)
    expect(withEstimatedCosts(outcomes, models.slice(1))).toBe(outcomes)
  })
})

test('measuredRows: those with both scores', () => {
  const weak = outcomes.weak.slice(0, 3)
  weak[1] = Number.NaN
  expect([...measuredRows({ ...outcomes, strong: outcomes.strong.slice(0, 3), weak })]).toEqual([0, 2])
})
