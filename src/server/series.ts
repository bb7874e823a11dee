/** A figure under its labels, as Prometheus' registry takes it. */
export interface Sample {
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/** Samples of one metric. prom-client's own look labels up by a hash of them, which is most of what a request costs. */
export interface Series {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'histogram' | 'gauge'
  get(): Promise<{ name: string; help: string; type: string; values: readonly Sample[] }>
}

/** What a series is called. */
export interface SeriesOptions {
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
}

/** Sums under labels, values of these in the order of `labels`. */
export function createCounts(options: SeriesOptions): Series & { add(amount: number, ...values: string[]): void } {
  const sums = createLabelled(options, labels => ({ labels, value: 0 }))
  return {
    ...seriesOf(options, 'counter', () => sums.all.map(({ labels, value }) => ({ labels, value }))),
    add(amount, ...values) {
      sums.under(values).value += amount
    },
  }
}

/** Observations in buckets, under labels. @param bounds upper ends, ascending. */
export function createBuckets(
  options: SeriesOptions,
  bounds: readonly number[],
): Series & { observe(value: number, ...values: string[]): void } {
  const observed = createLabelled(options, labels => ({ labels, counts: new Float64Array(bounds.length + 1), sum: 0 }))
  const { name } = options
  const samples = () =>
    observed.all.flatMap(({ labels, counts, sum }) => {
      let total = 0
      const buckets = Array.from(counts, (count, i): Sample => {
        total += count
        return { metricName: `${name}_bucket`, labels: { le: bounds[i] ?? '+Inf', ...labels }, value: total }
      })
      return [
        ...buckets,
        { metricName: `${name}_sum`, labels, value: sum },
        { metricName: `${name}_count`, labels, value: total },
      ]
    })
  return {
    ...seriesOf(options, 'histogram', samples),
    observe(value, ...values) {
      const known = observed.under(values)
      let place = 0
      while (place < bounds.length && value > bounds[place]!) place++
      known.counts[place]!++
      known.sum += value
    },
  }
}

/** What is measured when somebody looks. @param read calls `set` for each value, those of labels in their order. */
export function createGauge(
  options: SeriesOptions,
  read: (set: (value: number, ...values: string[]) => void) => void,
): Series {
  return seriesOf(options, 'gauge', () => {
    const samples: Sample[] = []
    read((value, ...values) => samples.push({ labels: named(options, values), value }))
    return samples
  })
}

/** A series of which samples are read when somebody looks. */
export function seriesOf(
  { name, help }: Pick<SeriesOptions, 'name' | 'help'>,
  type: Series['type'],
  samples: () => readonly Sample[],
): Series {
  return { name, help, type, get: async () => ({ name, help, type, values: samples() }) }
}

/** What is under one value, and the next values under that. */
interface Branch<T> {
  readonly next: Map<string, Branch<T>>
  kept?: T
}

/** One of each combination of values, made when it is first asked for: a tree, since texts of all values would be made for each request. */
function createLabelled<T>(options: SeriesOptions, create: (labels: Record<string, string>) => T) {
  const root: Branch<T> = { next: new Map() }
  const all: T[] = []
  return {
    all,
    under(values: readonly string[]): T {
      let branch = root
      for (const value of values) {
        let next = branch.next.get(value)
        if (!next) {
          next = { next: new Map() }
          branch.next.set(value, next)
        }
        branch = next
      }
      if (branch.kept === undefined) {
        branch.kept = create(named(options, values))
        all.push(branch.kept)
      }
      return branch.kept
    },
  }
}

function named({ labels }: SeriesOptions, values: readonly string[]): Record<string, string> {
  return Object.fromEntries(labels.map((label, i) => [label, values[i] ?? '']))
}
