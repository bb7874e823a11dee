/** Rows of a matrix in 8 bits a number: value = code · scale of the row, off by at most half a scale. */
export interface QuantizedRows {
  /** Row-major rows × width, −127..127. */
  readonly codes: Int8Array
  /** One per row. */
  readonly scales: Float32Array
  readonly width: number
}

/** Rows of a row-major matrix, each scaled by its own largest number. */
export function quantizeRows(matrix: Float32Array, width: number): QuantizedRows {
  const count = matrix.length / width
  const codes = new Int8Array(matrix.length)
  const scales = new Float32Array(count)
  for (let row = 0; row < count; row++) {
    let largest = 0
    for (let j = 0; j < width; j++) largest = Math.max(largest, Math.abs(matrix[row * width + j]!))
    const scale = Math.fround(largest / 127)
    scales[row] = scale
    for (let j = 0; j < width; j++)
      codes[row * width + j] = scale === 0 ? 0 : Math.round(matrix[row * width + j]! / scale)
  }
  return { codes, scales, width }
}

/** Rows unpacked at a time: with as many queries they fit the second-level cache. */
const BLOCK = 32
/** Queries that one call of a scan takes at most; a multiple of four. */
export const SCAN_QUERIES = 32
/** Two whole numbers below half of this in size travel in one double: first + second · LANE stays within its 53 bits. */
const LANE = 2 ** 26

/**
 * A function that fills `out` (row-major queries × rows) with the dot products of up to `SCAN_QUERIES` queries (row-major
 * queries × width) and every row: cosines where both are of unit length. Queries are rounded to whole multiples of their
 * own scale, so that two of them are multiplied and summed in one double, without further error and in any order.
 */
export function createScan({
  codes,
  scales,
  width,
}: QuantizedRows): (queries: Float32Array, out: Float32Array) => void {
  const rows = scales.length
  const most = Math.floor((LANE / 2 - 1) / (127 * width))
  const block = new Float64Array(BLOCK * width)
  const packed = new Float64Array((SCAN_QUERIES / 2) * width)
  const queryScales = new Float64Array(SCAN_QUERIES)
  const sums = new Float64Array(8)
  return (queries, out) => {
    const count = queries.length / width
    packed.fill(0)
    for (let query = 0; query < count; query++) {
      queryScales[query] = packQuery(
        queries,
        query * width,
        width,
        most,
        packed,
        (query >> 1) * width,
        query & 1 ? LANE : 1,
      )
    }
    if (count === 1) {
      for (let row = 0; row < rows; row++) {
        out[row] = multiplyRow(packed, codes, row * width, width) * queryScales[0]! * scales[row]!
      }
      return
    }
    for (let start = 0; start < rows; start += BLOCK) {
      const size = Math.min(BLOCK, rows - start)
      for (let i = 0; i < size * width; i++) block[i] = codes[start * width + i]!
      for (let query = 0; query < count; query += 4) {
        for (let row = 0; row < size; row += 4) {
          multiplyTile(packed, (query >> 1) * width, block, row * width, width, sums)
          for (let k = 0; k < 8; k++) {
            const at = start + row + (k & 3)
            const one = query + (k >> 2) * 2
            if (at >= start + size || one >= count) continue
            const second = Math.round(sums[k]! / LANE)
            out[one * rows + at] = (sums[k]! - second * LANE) * queryScales[one]! * scales[at]!
            if (one + 1 < count) out[(one + 1) * rows + at] = second * queryScales[one + 1]! * scales[at]!
          }
        }
      }
    }
  }
}

/** Adds a query, rounded to at most `most` steps and times `lane`, to its place; returns what a step is worth. */
function packQuery(
  queries: Float32Array,
  from: number,
  width: number,
  most: number,
  packed: Float64Array,
  to: number,
  lane: number,
): number {
  let largest = 0
  for (let j = 0; j < width; j++) largest = Math.max(largest, Math.abs(queries[from + j]!))
  const scale = largest / most || 1
  for (let j = 0; j < width; j++) packed[to + j]! += Math.round(queries[from + j]! / scale) * lane
  return scale
}

/** A query alone, straight from the codes: the same whole number as out of a tile. */
function multiplyRow(query: Float64Array, codes: Int8Array, from: number, width: number): number {
  let even = 0
  let odd = 0
  for (let j = 0; j + 1 < width; j += 2) {
    even += query[j]! * codes[from + j]!
    odd += query[j + 1]! * codes[from + j + 1]!
  }
  return even + odd + (width % 2 === 1 ? query[width - 1]! * codes[from + width - 1]! : 0)
}

/** Two doubles of two queries each by four rows: six loads for sixteen products. */
function multiplyTile(
  packed: Float64Array,
  first: number,
  block: Float64Array,
  a: number,
  width: number,
  sums: Float64Array,
): void {
  const second = first + width
  const b = a + width
  const c = b + width
  const d = c + width
  let p0 = 0
  let p1 = 0
  let p2 = 0
  let p3 = 0
  let q0 = 0
  let q1 = 0
  let q2 = 0
  let q3 = 0
  for (let j = 0; j < width; j++) {
    const p = packed[first + j]!
    const q = packed[second + j]!
    const va = block[a + j]!
    const vb = block[b + j]!
    const vc = block[c + j]!
    const vd = block[d + j]!
    p0 += p * va
    p1 += p * vb
    p2 += p * vc
    p3 += p * vd
    q0 += q * va
    q1 += q * vb
    q2 += q * vc
    q3 += q * vd
  }
  sums[0] = p0
  sums[1] = p1
  sums[2] = p2
  sums[3] = p3
  sums[4] = q0
  sums[5] = q1
  sums[6] = q2
  sums[7] = q3
}
