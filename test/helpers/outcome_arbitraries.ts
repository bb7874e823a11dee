import fc from 'fast-check'

export interface Rows {
  readonly winRates: Float64Array
  readonly strong: Float64Array
  readonly weak: Float64Array
}

/** Rows with win rates on a grid, so that ties are common, and scores in quarters. */
export function outcomesOf({ minRows, maxRows }: { minRows: number; maxRows: number }): fc.Arbitrary<Rows> {
  const score = fc.integer({ min: 0, max: 4 }).map(quarters => quarters / 4)
  const row = fc.record({ winRate: fc.integer({ min: 0, max: 30 }).map(step => step / 30), strong: score, weak: score })
  return fc.array(row, { minLength: minRows, maxLength: maxRows }).map(rows => ({
    winRates: Float64Array.from(rows, r => r.winRate),
    strong: Float64Array.from(rows, r => r.strong),
    weak: Float64Array.from(rows, r => r.weak),
  }))
}

/** Rows whose win rates all differ. */
export function distinctOutcomesOf(options: { minRows: number; maxRows: number }): fc.Arbitrary<Rows> {
  return outcomesOf(options).chain(rows => {
    const ranks = Array.from(rows.winRates, (_, i) => i)
    return fc
      .shuffledSubarray(ranks, { minLength: ranks.length })
      .map(order => ({ ...rows, winRates: Float64Array.from(order, place => (place + 1) / (ranks.length + 1)) }))
  })
}

export const mean = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length
