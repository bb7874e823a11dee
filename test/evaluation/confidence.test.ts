import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { interval, resampleApgr } from '../../src/evaluation/confidence.ts'
import { curve } from '../../src/evaluation/curve.ts'
import { apgr } from '../../src/evaluation/metrics.ts'
import { eachResample } from '../../src/math/bootstrap.ts'
import { createRandom } from '../../src/math/random.ts'
import { mean, outcomesOf } from '../helpers/outcome_arbitraries.ts'

/** A made-up benchmark: `skill` is how much a strategy knows of what strong adds. */
function benchmark(rows: number, strategies: readonly number[], seed = 1) {
  const random = createRandom(seed)
  const hardness = Float64Array.from({ length: rows }, random)
  return {
    strong: hardness.map(hard => (random() < 0.95 - 0.2 * hard ? 1 : 0)),
    weak: hardness.map(hard => (random() < 0.95 - 0.6 * hard ? 1 : 0)),
    winRates: strategies.map(skill => hardness.map(hard => skill * hard + (1 - skill) * random())),
  }
}

describe('resampleApgr', () => {
  test('is the APGR of the curve over the drawn rows, deciles, ties and all', () => {
    fc.assert(
      fc.property(outcomesOf({ minRows: 1, maxRows: 50 }), fc.nat(1000), ({ winRates, strong, weak }, seed) => {
        const options = { resamples: 4, seed }
        const smooth = winRates.map((rate, i) => rate / 2 + i / 1000)
        const fast = resampleApgr([winRates, smooth], strong, weak, options)
        eachResample(strong.length, options, (counts, index) => {
          const rows = Array.from(counts).flatMap((count, row) => Array<number>(count).fill(row))
          const drawn = (values: Float64Array) => Float64Array.from(rows, row => values[row]!)
          ;[winRates, smooth].forEach((rates, s) => {
            const points = curve(drawn(rates), drawn(strong), drawn(weak))
            const naive = apgr(points, mean(drawn(strong)), mean(drawn(weak)))
            if (naive === null) expect(fast[s]![index]).toBeNaN()
            else expect(fast[s]![index]).toBeCloseTo(naive, 10)
          })
        })
      }),
      { numRuns: 300 },
    )
  })

  test('the same rows for all strategies: equal win rates give equal resamples, in any company', () => {
    const { strong, weak, winRates } = benchmark(200, [1, 0.3])
    const [good, poor, again] = resampleApgr([...winRates, winRates[0]!], strong, weak, { resamples: 50, seed: 9 })
    const [alone] = resampleApgr([winRates[1]!], strong, weak, { resamples: 50, seed: 9 })
    expect(again).toEqual(good)
    expect(alone).toEqual(poor)
    expect(good).not.toEqual(poor)
    expect(resampleApgr([winRates[1]!], strong, weak, { resamples: 50, seed: 10 })[0]).not.toEqual(poor)
  })

  test('its interval holds the estimate and tightens with the square root of the rows', () => {
    const widths = [400, 6400].map(rows => {
      const { strong, weak, winRates } = benchmark(rows, [0.6])
      const estimate = apgr(curve(winRates[0]!, strong, weak), mean(strong), mean(weak))!
      const { low, high } = interval(resampleApgr(winRates, strong, weak, { resamples: 300, seed: 2 })[0]!)
      expect(low!).toBeLessThan(estimate)
      expect(high!).toBeGreaterThan(estimate)
      return high! - low!
    })
    expect(widths[0]! / widths[1]!).toBeGreaterThan(2.5)
    expect(widths[0]! / widths[1]!).toBeLessThan(6.5)
  })

  test('a paired difference is narrower than two intervals laid side by side', () => {
    const { strong, weak, winRates } = benchmark(2000, [1])
    const close = winRates[0]!.map((rate, i) => rate + (i % 7) * 0.001)
    const [a, b] = resampleApgr([winRates[0]!, close], strong, weak, { resamples: 300, seed: 4 })
    const width = (values: Float64Array) => interval(values).high! - interval(values).low!
    expect(width(a!.map((value, i) => value - b![i]!))).toBeLessThan(width(a!) / 3)
  })

  test('where strong is never better, every resample is NaN and the interval null', () => {
    const even = Float64Array.of(1, 0, 1, 0)
    const [values] = resampleApgr([Float64Array.of(0.1, 0.2, 0.3, 0.4)], even, even, { resamples: 10, seed: 0 })
    expect(values!.every(Number.isNaN)).toBe(true)
    expect(interval(values!)).toEqual({ low: null, high: null })
    expect(
      Array.from(resampleApgr([even.slice(4)], even.slice(4), even.slice(4), { resamples: 2, seed: 0 })[0]!),
    ).toEqual([Number.NaN, Number.NaN])
  })

  test('tells how far it is', () => {
    const { strong, weak, winRates } = benchmark(20, [1])
    const seen: string[] = []
    const onProgress = (done: number, total: number) => seen.push(`${done}/${total}`)
    resampleApgr(winRates, strong, weak, { resamples: 3, seed: 0, onProgress })
    expect(seen).toEqual(['1/3', '2/3', '3/3'])
  })

  test('measures a large benchmark in seconds', () => {
    const { strong, weak, winRates } = benchmark(9847, [0, 0.25, 0.5, 0.75, 1])
    const started = performance.now()
    const values = resampleApgr(winRates, strong, weak, { resamples: 200, seed: 0 })
    // A tenth of the work of a full evaluation (1,000 resamples, 10 strategies), which takes 1.3 s alone; room for a busy machine.
    expect(performance.now() - started).toBeLessThan(1500)
    expect(mean(values[4]!)).toBeGreaterThan(mean(values[0]!))
  })
})
