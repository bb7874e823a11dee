import type { Outcomes } from '../../src/types.ts'

export interface PairRow {
  readonly prompt: string
  readonly strong: number
  readonly weak: number
  readonly category?: string
}

/** Outcomes of one pair file, in memory. */
export function pairOutcomes(rows: readonly PairRow[]): Outcomes {
  return {
    prompts: rows.map(({ prompt }) => prompt),
    ids: rows.map((_, i) => String(i + 1)),
    categories: rows.map(({ category = '' }) => category),
    strong: Float64Array.from(rows, ({ strong }) => strong),
    weak: Float64Array.from(rows, ({ weak }) => weak),
    source: new Uint16Array(rows.length),
    sources: [{ name: 'rows', sha256: '', strong: 0, weak: 1 }],
    models: ['strong', 'weak'],
    scores: Float64Array.from(rows.flatMap(({ strong, weak }) => [strong, weak])),
    winRates: new Map(),
  }
}
