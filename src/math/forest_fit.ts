import { type Forest, LEAF } from './forest.ts'
import { createRandom } from './random.ts'

/** Values of a feature are sorted into this many bins of about as many rows each, and trees split between bins. */
const BINS = 64

export interface ForestOptions {
  readonly trees: number
  /** Features drawn for each split. */
  readonly tried: number
  /** Rows that a leaf has at least. */
  readonly leastLeaf: number
  readonly seed: number
}

/**
 * Grows a random forest (Breiman 2001): each tree on a bootstrap sample, each split the one of greatest reduction of
 * squared error among `tried` random features, found on histograms.
 * @param rows row-major rows × width, one row or more.
 * @param targets one per row; a leaf predicts their mean, so 0-or-1 targets give probabilities.
 */
export function growForest(rows: Float32Array, width: number, targets: Float64Array, options: ForestOptions): Forest {
  const { bins, edges } = binned(rows, width, targets.length)
  const random = createRandom(options.seed)
  const nodes: Nodes = { features: [], thresholds: [], children: [], values: [] }
  const roots = Int32Array.from({ length: options.trees }, () => {
    const sample = Int32Array.from(targets, () => Math.floor(random() * targets.length))
    return growTree({ bins, edges, width, targets, sample, random }, options, nodes)
  })
  return {
    roots,
    features: Uint16Array.from(nodes.features),
    thresholds: Float32Array.from(nodes.thresholds),
    children: Int32Array.from(nodes.children),
    values: Float32Array.from(nodes.values),
  }
}

interface Nodes {
  readonly features: number[]
  readonly thresholds: number[]
  readonly children: number[]
  readonly values: number[]
}

interface TreeData {
  /** Feature-major width × rows. */
  readonly bins: Uint8Array
  /** Per feature, the largest value of each of its bins. */
  readonly edges: readonly Float32Array[]
  readonly width: number
  readonly targets: Float64Array
  /** Rows drawn for the tree; reordered while it grows. */
  readonly sample: Int32Array
  readonly random: () => number
}

function growTree(data: TreeData, options: ForestOptions, nodes: Nodes): number {
  const { sample, edges } = data
  const findSplit = createSplitFinder(data, options)
  const root = addNode(nodes)
  const open: [node: number, start: number, end: number][] = [[root, 0, sample.length]]
  for (let next = open.pop(); next; next = open.pop()) {
    const [node, start, end] = next
    const total = sumOf(data, start, end)
    nodes.values[node] = total / (end - start)
    const split = findSplit(start, end, total)
    if (!split) continue
    const middle = partition(data, start, end, split)
    nodes.features[node] = split.feature
    nodes.thresholds[node] = edges[split.feature]![split.bin]!
    const left = addNode(nodes)
    const right = addNode(nodes)
    nodes.children[node] = left
    open.push([left, start, middle], [right, middle, end])
  }
  return root
}

function addNode({ features, thresholds, children, values }: Nodes): number {
  thresholds.push(0)
  children.push(0)
  values.push(0)
  return features.push(LEAF) - 1
}

interface Split {
  readonly feature: number
  /** The last bin that goes to the left. */
  readonly bin: number
}

type SplitFinder = (start: number, end: number, total: number) => Split | undefined

function createSplitFinder({ bins, width, targets, sample, random }: TreeData, options: ForestOptions): SplitFinder {
  const rows = targets.length
  const order = Int32Array.from({ length: width }, (_, feature) => feature)
  const counts = new Int32Array(BINS)
  const sums = new Float64Array(BINS)
  return (start, end, total) => {
    const size = end - start
    if (size < 2 * options.leastLeaf) return undefined
    let best: Split | undefined
    let bestGain = (total * total) / size + 1e-9
    for (let drawn = 0; drawn < Math.min(options.tried, width); drawn++) {
      const feature = draw(order, drawn, random)
      counts.fill(0)
      sums.fill(0)
      const from = feature * rows
      for (let i = start; i < end; i++) {
        const row = sample[i]!
        const bin = bins[from + row]!
        counts[bin]!++
        sums[bin]! += targets[row]!
      }
      let count = 0
      let sum = 0
      for (let bin = 0; bin < BINS - 1; bin++) {
        if (counts[bin] === 0) continue
        count += counts[bin]!
        sum += sums[bin]!
        if (count < options.leastLeaf) continue
        if (size - count < options.leastLeaf) break
        const gain = (sum * sum) / count + (total - sum) ** 2 / (size - count)
        if (gain > bestGain) {
          bestGain = gain
          best = { feature, bin }
        }
      }
    }
    return best
  }
}

/** Swaps a random one of the features not drawn yet to `place`, and returns it. */
function draw(order: Int32Array, place: number, random: () => number): number {
  const other = place + Math.floor(random() * (order.length - place))
  const feature = order[other]!
  order[other] = order[place]!
  order[place] = feature
  return feature
}

function sumOf({ sample, targets }: TreeData, start: number, end: number): number {
  let sum = 0
  for (let i = start; i < end; i++) sum += targets[sample[i]!]!
  return sum
}

/** Brings the rows that go left before those that go right; returns where the latter begin. */
function partition({ bins, sample, targets }: TreeData, start: number, end: number, { feature, bin }: Split): number {
  const from = feature * targets.length
  let middle = start
  for (let i = start; i < end; i++) {
    const row = sample[i]!
    if (bins[from + row]! > bin) continue
    sample[i] = sample[middle]!
    sample[middle++] = row
  }
  return middle
}

function binned(rows: Float32Array, width: number, count: number): { bins: Uint8Array; edges: Float32Array[] } {
  const bins = new Uint8Array(width * count)
  const edges = Array.from({ length: width }, (_, feature) => {
    const column = Float32Array.from({ length: count }, (_, row) => rows[row * width + feature]!)
    const sorted = column.toSorted()
    const cuts = Float32Array.from({ length: BINS }, (_, bin) => sorted[Math.ceil(((bin + 1) * count) / BINS) - 1]!)
    for (let row = 0; row < count; row++) bins[feature * count + row] = binOf(cuts, column[row]!)
    return cuts
  })
  return { bins, edges }
}

/** The first bin whose largest value is not below `value`. */
function binOf(cuts: Float32Array, value: number): number {
  let low = 0
  let high = cuts.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (cuts[middle]! >= value) high = middle
    else low = middle + 1
  }
  return low
}
