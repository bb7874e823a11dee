import { describe, expect, test } from 'vitest'
import { curve } from '../../src/evaluation/curve.ts'
import { apgr, cpt } from '../../src/evaluation/metrics.ts'
import { readGolden } from '../helpers/golden.ts'

interface Case {
  readonly name: string
  readonly winRates: number[]
  readonly strong: number[]
  readonly weak: number[]
  /** Strong share and quality at the deciles, each threshold once, by share ascending. */
  readonly points: [number, number][]
  readonly apgr: number
  /** First crossings of 20, 50 and 80 %. */
  readonly cpt: (number | null)[]
  /** Quality grows with every step of share: where np.interp is defined. */
  readonly isIncreasing: boolean
  /** What pd.qcut raised. */
  readonly crash: string | null
  /** To the letter of its code; absent where it crashed. */
  readonly routellm?: { readonly points: [number, number][]; readonly apgr: number; readonly cpt: number[] }
}

const cases = readGolden<Case>('curve')
const fractions = [0.2, 0.5, 0.8]

/** Where pd.qcut's own deciles are a rounding error above the row they fall on, which then goes to weak. */
const STEPS_OVER_ROWS = 'deciles that fall on rows'
/** Where the gap is not above 0, and a share of it means nothing. */
const NO_GAP = 'strong no better than weak'

function measure(golden: Case) {
  const [winRates, strong, weak] = [golden.winRates, golden.strong, golden.weak].map(list => Float64Array.from(list))
  const points = curve(winRates!, strong!, weak!)
  const qualityStrong = strong!.reduce((sum, score) => sum + score, 0) / strong!.length
  const qualityWeak = weak!.reduce((sum, score) => sum + score, 0) / weak!.length
  return {
    points,
    apgr: apgr(points, qualityStrong, qualityWeak),
    cpt: fractions.map(fraction => cpt(points, fraction, qualityStrong, qualityWeak)),
  }
}

function expectPoints(ours: ReturnType<typeof curve>, golden: readonly [number, number][]): void {
  expect(ours.length).toBe(golden.length)
  ours.forEach(({ strongShare, quality }, i) => {
    expect(strongShare).toBeCloseTo(golden[i]![0], 9)
    expect(quality).toBeCloseTo(golden[i]![1], 9)
  })
}

test.each(cases)('curve: $name', golden => {
  expectPoints(measure(golden).points, golden.points)
})

test.each(cases.filter(({ name }) => name !== NO_GAP))('APGR, and CPT as the first crossing: $name', golden => {
  const ours = measure(golden)
  expect(ours.apgr).toBeCloseTo(golden.apgr, 9)
  golden.cpt.forEach((share, i) => {
    expect(ours.cpt[i]).toBeCloseTo(share!, 9)
  })
})

describe('RouteLLM to the letter', () => {
  const ordinary = cases.filter(({ name, routellm }) => routellm && name !== STEPS_OVER_ROWS && name !== NO_GAP)

  test.each(ordinary)('curve and APGR: $name', golden => {
    const ours = measure(golden)
    expectPoints(ours.points, golden.routellm!.points)
    expect(ours.apgr).toBeCloseTo(golden.routellm!.apgr, 9)
  })

  test.each(ordinary.filter(({ isIncreasing }) => isIncreasing))('CPT by np.interp: $name', golden => {
    const ours = measure(golden)
    golden.routellm!.cpt.forEach((share, i) => {
      expect(ours.cpt[i]).toBeCloseTo(share, 9)
    })
  })
})

const named = (name: string) => cases.find(golden => golden.name === name)!

describe('deviations from RouteLLM', () => {
  test('ties: pd.qcut crashes on equal edges; here equal thresholds are one point', () => {
    const crashed = cases.filter(golden => golden.crash !== null)
    expect(crashed.map(golden => golden.name)).toEqual([
      'ties that make qcut crash',
      'ties at the top that make qcut crash',
      'all win rates equal',
    ])
    for (const golden of crashed) {
      expect(golden.crash).toMatch(/^Bin edges must be unique/)
      const thresholds = curveOf(golden).map(point => point.threshold)
      expect(new Set(thresholds).size).toBe(thresholds.length)
      expect(thresholds.length).toBeLessThan(11)
    }
    // Nothing is left but a straight line from weak to strong, and a line is worth one half.
    expect(measure(named('all win rates equal')).apgr).toBeCloseTo(0.5, 12)
  })

  test('a decile that falls on a row: pd.qcut rounds 0.3 up and steps over the row; here the row is in, at most one row more', () => {
    const golden = named(STEPS_OVER_ROWS)
    const row = 1 / golden.winRates.length
    const shares = golden.routellm!.points.map(([share]) => share)
    const steps = curveOf(golden).map(({ strongShare }, i) => strongShare - shares[i]!)
    for (const step of steps) expect(Math.min(Math.abs(step), Math.abs(step - row))).toBeLessThan(1e-9)
    expect(Math.max(...steps)).toBeCloseTo(row, 9)
  })

  test('np.interp searches a curve that it takes for increasing; where quality goes down, or stands still at the target, it returns a later crossing', () => {
    const bumpy = named('quality that goes up, down and up')
    const ours = measure(bumpy).cpt
    expect(bumpy.isIncreasing).toBe(false)
    fractions.forEach((_, i) => {
      expect(ours[i]!).toBeLessThanOrEqual(bumpy.routellm!.cpt[i]! + 1e-9)
    })
    expect(ours.some((share, i) => share! < bumpy.routellm!.cpt[i]! - 0.1)).toBe(true)
    const flat = named('fewer rows than deciles, standing still at a target')
    expect(measure(flat).cpt[1]!).toBeLessThan(flat.routellm!.cpt[1]! - 0.1)
  })

  test('strong no better than weak: RouteLLM divides by a negative gap; here APGR and CPT are null', () => {
    const golden = named(NO_GAP)
    expect(golden.routellm!.apgr).toBeGreaterThan(0.5)
    expect(measure(golden).apgr).toBeNull()
    expect(measure(golden).cpt).toEqual([null, null, null])
  })

  test('APGR is not clamped, by either', () => {
    expect(named('router as good as the outcomes').routellm!.apgr).toBeGreaterThan(1)
    expect(named('router that is wrong on purpose').routellm!.apgr).toBeLessThan(0)
  })
})

function curveOf(golden: Case) {
  return measure(golden).points
}
