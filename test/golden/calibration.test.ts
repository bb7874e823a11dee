import { expect, test } from 'vitest'
import { quantile, quantiles } from '../../src/math/quantile.ts'
import { readGolden } from '../helpers/golden.ts'

interface Case {
  readonly name: string
  readonly winRates: number[]
  readonly shares: number[]
  readonly thresholds: number[]
  readonly realised: number[]
}

// Deviation: RouteLLM prints its threshold to five decimals, which on the narrow win rates of sw_ranking moves whole percents
// of the prompts; nothing is rounded here.
test.each(readGolden<Case>('calibration'))('calibration: $name', ({ winRates, shares, thresholds, realised }) => {
  const values = Float64Array.from(winRates)
  const ours = quantiles(
    values,
    shares.map(share => 1 - share),
  )
  shares.forEach((share, i) => {
    expect(ours[i]).toBeCloseTo(thresholds[i]!, 12)
    expect(quantile(values.slice().sort(), 1 - share)).toBe(ours[i])
    // To a prompt the same decisions, ties included.
    expect(values.filter(rate => rate >= ours[i]!).length / values.length).toBeCloseTo(realised[i]!, 12)
  })
})
