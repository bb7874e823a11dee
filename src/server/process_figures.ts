import type { Figures } from './prometheus.ts'
import { type Sample, type Series, seriesOf } from './series.ts'

/** What one of the processes of a server measures of itself. */
export interface ProcessFigures {
  /** Absent where there is only one process. */
  readonly worker?: string
  readonly figures: readonly Figures[]
}

/** The same metric of all processes under one name, each with its label `worker`. */
export function mergedFigures(processes: readonly ProcessFigures[]): Series[] {
  const merged = new Map<string, { of: Figures; values: Sample[] }>()
  for (const { worker, figures } of processes) {
    for (const of of figures) {
      const known = merged.get(of.name) ?? { of, values: [] }
      merged.set(of.name, known)
      known.values.push(...of.values.map(sample => labelled(sample, worker)))
    }
  }
  return [...merged.values()].map(({ of, values }) => seriesOf(of, of.type, () => values))
}

/** JSON has no NaN, which is what a mean of nothing is. */
function labelled({ value, labels, ...sample }: Sample, worker: string | undefined): Sample {
  const own = worker === undefined ? labels : { ...labels, worker }
  return { ...sample, labels: own, value: value ?? Number.NaN }
}
