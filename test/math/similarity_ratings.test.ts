import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { pairWinRate, similarityWeights } from '../../src/math/similarity_ratings.ts'

describe('similarityWeights', () => {
  test('the nearest weighs 100, an unrelated battle 10, an opposite one 1', () => {
    const weights = similarityWeights(Float64Array.of(0.5, 0, -0.5, 0.25))
    expect(weights[0]).toBeCloseTo(100, 9)
    expect(weights[1]).toBe(10)
    expect(weights[2]).toBeCloseTo(1, 9)
    expect(weights[3]).toBeCloseTo(10 * Math.sqrt(10), 9)
  })

  test('where nothing is near, all weigh 10', () => {
    expect(Array.from(similarityWeights(Float32Array.of(0, -0.2, -1)))).toEqual([10, 10, 10])
    expect(Array.from(similarityWeights(new Float64Array(0)))).toEqual([])
  })

  test('only similarity relative to the nearest counts', () => {
    const similarities = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(similarities, list => {
        fc.pre(list.some(value => value > 1e-3))
        const near = Float64Array.from(list, value => value / Math.max(...list.map(Math.abs), 0.1))
        const weights = similarityWeights(near)
        similarityWeights(near.map(value => value / 2)).forEach((weight, i) => {
          expect(weight).toBeCloseTo(weights[i]!, 9)
        })
      }),
    )
  })
})

describe('pairWinRate', () => {
  test('400 points are ten to one', () => {
    expect(pairWinRate([1400, 1000], 0, 1)).toBeCloseTo(10 / 11, 12)
    expect(pairWinRate([1000, 1000], 0, 1)).toBe(0.5)
    expect(pairWinRate([1400, 1000], 0, 1) + pairWinRate([1400, 1000], 1, 0)).toBeCloseTo(1, 12)
  })
})
