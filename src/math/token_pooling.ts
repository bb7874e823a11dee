/** How the vectors of a text's tokens become one. `sqrt_mean`: the sum over √count; `weighted`: a mean in which the k-th counts k times. */
export const poolings = ['mean', 'cls', 'max', 'last', 'sqrt_mean', 'weighted'] as const

export type Pooling = (typeof poolings)[number]

/** Vectors of the tokens of some texts: row-major texts × tokens × width, each text filled up to the longest on the right. */
export interface TokenVectors {
  readonly data: Float32Array
  readonly tokens: number
  readonly width: number
}

/**
 * One row a text, as sentence-transformers' Pooling module has it: row-major texts × (ways × width), the ways end to end.
 * @param counts how many tokens each text really has, 1 or more.
 */
export function poolTokens(
  { data, tokens, width }: TokenVectors,
  counts: readonly number[],
  ways: readonly Pooling[],
): Float32Array {
  const rows = new Float32Array(counts.length * ways.length * width)
  for (const [text, count] of counts.entries()) {
    const start = text * tokens * width
    const vectors = data.subarray(start, start + count * width)
    for (const [place, way] of ways.entries()) {
      const from = (text * ways.length + place) * width
      pool(vectors, count, way, rows.subarray(from, from + width))
    }
  }
  return rows
}

function pool(vectors: Float32Array, count: number, way: Pooling, row: Float32Array): void {
  const width = row.length
  if (way === 'cls') row.set(vectors.subarray(0, width))
  else if (way === 'last') row.set(vectors.subarray((count - 1) * width))
  else if (way === 'max') {
    row.set(vectors.subarray(0, width))
    for (let k = width; k < vectors.length; k++) row[k % width] = Math.max(row[k % width]!, vectors[k]!)
  } else {
    const sums = new Float64Array(width)
    for (let k = 0; k < vectors.length; k++) {
      sums[k % width]! += way === 'weighted' ? vectors[k]! * (Math.floor(k / width) + 1) : vectors[k]!
    }
    const total = way === 'mean' ? count : way === 'sqrt_mean' ? Math.sqrt(count) : (count * (count + 1)) / 2
    for (let j = 0; j < width; j++) row[j] = sums[j]! / total
  }
}
