import type { Outcomes } from '../types.ts'
import { type Benchmark, createBenchmark, type Measurement, type TestSet, type TestWinRates } from './benchmark.ts'
import { type Draw, testSetOf } from './draws.ts'
import type { Entrant } from './entrants.ts'

/** How to resample, and whom to tell. */
export interface EvaluateOptions {
  /** Bootstrap resamples for each interval. */
  readonly resamples: number
  /** Of the resamples. */
  readonly seed: number
  /** Called after each fit; awaited, so that a view can draw itself. */
  readonly onFit?: (done: number, total: number) => void | Promise<void>
  /** Called with each line of the table as soon as it is known; awaited. */
  readonly onMeasured?: (measurement: Measurement) => void | Promise<void>
}

/** One table: the entrants in their order, with the single models after `length`. */
export interface Evaluation {
  readonly quality: Benchmark['quality']
  readonly strategies: readonly Measurement[]
  /** By id, for further cuts of the same win rates. */
  readonly winRates: ReadonlyMap<string, TestWinRates>
}

/**
 * Measures every entrant on the draws, each as soon as it is scored; all are scored at once.
 * @param entrants one of them `length`, which the others are compared with and which is measured first.
 * @throws UsageError where an entrant gives NaN for a row.
 */
export async function evaluate(
  outcomes: Outcomes,
  draws: readonly Draw[],
  entrants: readonly Entrant[],
  { onFit, onMeasured, ...options }: EvaluateOptions,
): Promise<Evaluation> {
  const winRates = new Map<string, TestWinRates>()
  const measured = new Map<string, Measurement>()
  const total =
    entrants.filter(({ isFitted }) => isFitted).length * draws.reduce((sum, { fits }) => sum + fits.length, 0)
  let done = 0
  const score = async (entrant: Entrant) => {
    const scored = draws.map(draw => entrant.winRates(outcomes, draw, () => onFit?.(++done, total)))
    winRates.set(entrant.id, await Promise.all(scored))
    return winRates.get(entrant.id)!
  }
  const keep = async (measurement: Measurement) => {
    measured.set(measurement.id, measurement)
    await onMeasured?.(measurement)
  }

  const length = entrants.find(({ id }) => id === 'length')!
  const tests = draws.map(draw => testSetOf(outcomes, draw))
  const benchmark = createBenchmark(tests, await score(length), options)
  await keep(benchmark.length)
  await keep(benchmark.single('strong'))
  await keep(benchmark.single('weak'))
  const others = entrants.filter(entrant => entrant !== length)
  await Promise.all(others.map(async entrant => keep(benchmark.measure(entrant.id, await score(entrant)))))
  return {
    quality: benchmark.quality,
    strategies: tableOrder(entrants).map(id => measured.get(id)!),
    winRates,
  }
}

/** Ids of the lines of the table: the entrants, with the two single models after `length`. */
export function tableOrder(entrants: readonly Pick<Entrant, 'id'>[]): string[] {
  return entrants.flatMap(({ id }) => (id === 'length' ? [id, 'strong', 'weak'] : [id]))
}

/** The same table for each category by itself, most rows first. Win rates are those of the whole. */
export function evaluateByCategory(
  outcomes: Outcomes,
  draws: readonly Draw[],
  { winRates, strategies }: Evaluation,
  options: { readonly resamples: number; readonly seed: number },
): {
  readonly category: string
  readonly rows: number
  readonly evaluation: Pick<Evaluation, 'quality' | 'strategies'>
}[] {
  const counts = new Map<string, number>()
  for (const row of draws.flatMap(({ rows }) => Array.from(rows))) {
    const category = outcomes.categories[row]!
    counts.set(category, (counts.get(category) ?? 0) + 1)
  }
  const byRows = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  return byRows.map(([category, count]) => {
    const cuts = draws.map(({ rows }) =>
      Array.from(rows.keys()).filter(i => outcomes.categories[rows[i]!] === category),
    )
    const used = cuts.flatMap((cut, d) => (cut.length > 0 ? [d] : []))
    const tests = used.map((d): TestSet => {
      const rows = Int32Array.from(cuts[d]!, i => draws[d]!.rows[i]!)
      return testSetOf(outcomes, { rows, fits: [] })
    })
    const cutRates = (id: string) =>
      used.map(d => winRates.get(id)![d]!.map(rates => Float64Array.from(cuts[d]!, i => rates[i]!)))
    const benchmark = createBenchmark(tests, cutRates('length'), options)
    const measured = strategies.map(({ id }) =>
      id === 'length'
        ? benchmark.length
        : id === 'strong' || id === 'weak'
          ? benchmark.single(id)
          : benchmark.measure(id, cutRates(id)),
    )
    return {
      category,
      rows: Math.round(count / draws.length),
      evaluation: { quality: benchmark.quality, strategies: measured },
    }
  })
}
