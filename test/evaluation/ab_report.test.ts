import { expect, test } from 'vitest'
import { abReport } from '../../src/evaluation/ab_report.ts'
import { createRandom } from '../../src/math/random.ts'

/** As many ones as the share says, the rest zeros. */
const wins = (count: number, share: number) =>
  Float64Array.from({ length: count }, (_, i) => Number(i < Math.round(share * count)))

test('each arm against the first: n, mean, difference with its interval, verdict', () => {
  const [a, b, c, d] = abReport(
    [
      { model: 'a', values: wins(1_000, 0.6) },
      { model: 'b', values: wins(1_000, 0.7) },
      { model: 'c', values: wins(1_000, 0.61) },
      { model: 'd', values: wins(1_000, 0.5) },
    ],
    'quality',
  )
  expect(a).toEqual({
    model: 'a',
    requests: 1_000,
    keys: 1_000,
    mean: 0.6,
    verdict: 'is what the others are compared with.',
  })
  expect(b).toMatchObject({ requests: 1_000, mean: 0.7 })
  // Two shares of 1,000: 0.1 ± 1.96 · √(0.24/999 + 0.21/999)
  expect(b!.difference!.value).toBeCloseTo(0.1, 12)
  expect(b!.difference!.low).toBeCloseTo(0.0584, 3)
  expect(b!.difference!.high).toBeCloseTo(0.1416, 3)
  expect(b!.verdict).toBe('is better than a: earns 0.100 more a request, 95 % interval 0.0584 to 0.142.')
  expect(c!.verdict).toBe('is not shown to differ from a: 0.0100 a request, 95 % interval -0.0329 to 0.0529.')
  expect(d!.verdict).toBe('is worse than a: earns 0.100 less a request, 95 % interval -0.143 to -0.0566.')
})

test('of cost less is better', () => {
  const costs = (mean: number) => Float64Array.from({ length: 50 }, (_, i) => mean * (0.8 + (i % 5) / 10))
  const [, b, c] = abReport(
    [
      { model: 'a', values: costs(0.002) },
      { model: 'b', values: costs(0.0005) },
      { model: 'c', values: costs(0.004) },
    ],
    'cost',
  )
  expect(b!.verdict).toBe('is cheaper than a: US$ 0.00150 less a request, 95 % interval US$ -0.00158 to -0.00142.')
  expect(c!.verdict).toMatch(/^is dearer than a: US\$ 0\.00200 more a request, /)
})

test('values that are not known do not count, and few say nothing', () => {
  const values = Float64Array.from({ length: 40 }, (_, i) => (i < 21 ? Number.NaN : 1))
  const [a, b] = abReport(
    [
      { model: 'a', values: wins(100, 0.5) },
      { model: 'b', values },
    ],
    'quality',
  )
  expect(a!.requests).toBe(100)
  expect(b).toEqual({
    model: 'b',
    requests: 19,
    keys: 19,
    mean: 1,
    verdict: 'has too little to tell: expected 20 keys in it and in a, got 19 and 100.',
  })
  expect(abReport([{ model: 'a', values: [] }], 'cost')).toEqual([
    { model: 'a', requests: 0, keys: 0, mean: Number.NaN, verdict: 'is what the others are compared with.' },
  ])
  expect(abReport([], 'cost')).toEqual([])
})

test('requests of one key count as one', () => {
  const keys = Array.from({ length: 200 }, (_, i) => `user ${i % 19}`)
  const [, b] = abReport(
    [
      { model: 'a', values: wins(100, 0.5) },
      { model: 'b', values: wins(200, 0.5), keys },
    ],
    'quality',
  )
  expect(b).toMatchObject({ requests: 200, keys: 19, mean: 0.5 })
  expect(b!.verdict).toBe('has too little to tell: expected 20 keys in it and in a, got 19 and 100.')
})

test('of arms that do not differ, one in twenty is said to', () => {
  const random = createRandom(11)
  const draw = () => Float64Array.from({ length: 60 }, () => Number(random() < 0.7))
  let told = 0
  for (let run = 0; run < 2_000; run++) {
    const [, b] = abReport(
      [
        { model: 'a', values: draw() },
        { model: 'b', values: draw() },
      ],
      'quality',
    )
    if (!b!.verdict.startsWith('is not shown')) told++
  }
  expect(Math.abs(told / 2_000 - 0.05)).toBeLessThan(0.015)
})
