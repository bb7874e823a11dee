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
/** Queries that one call of a scan takes at most. */
export const SCAN_QUERIES = 32

/**
 * A function that fills `out` (row-major queries × rows) with the dot products of up to `SCAN_QUERIES` queries (row-major
 * queries × width) and every row: cosines where both are of unit length. Each product is summed in one order whatever
 * the number of queries.
 */
export function createScan({
  codes,
  scales,
  width,
}: QuantizedRows): (queries: Float32Array, out: Float32Array) => void {
  const rows = scales.length
  const block = new Float64Array(BLOCK * width)
  const wide = new Float64Array((SCAN_QUERIES + 1) * width)
  const products = new Float64Array(8)
  return (queries, out) => {
    const count = queries.length / width
    wide.set(queries)
    // An odd last query is paired with zeros.
    wide.fill(0, queries.length, queries.length + width)
    for (let start = 0; start < rows; start += BLOCK) {
      const size = Math.min(BLOCK, rows - start)
      unpack(codes, scales, width, start, size, block)
      for (let query = 0; query < count; query += 2) {
        for (let row = 0; row < size; row += 4) {
          multiplyTile(wide, query * width, block, row * width, width, products)
          const to = query * rows + start + row
          for (let k = 0; k < Math.min(4, size - row); k++) {
            out[to + k] = products[k]!
            if (query + 1 < count) out[to + rows + k] = products[4 + k]!
          }
        }
      }
    }
  }
}

function unpack(
  codes: Int8Array,
  scales: Float32Array,
  width: number,
  start: number,
  size: number,
  block: Float64Array,
): void {
  for (let row = 0; row < size; row++) {
    const scale = scales[start + row]!
    const from = (start + row) * width
    const to = row * width
    for (let j = 0; j < width; j++) block[to + j] = codes[from + j]! * scale
  }
}

/** Two queries by four rows at a time: six loads for eight products. */
function multiplyTile(
  queries: Float64Array,
  first: number,
  block: Float64Array,
  a: number,
  width: number,
  products: Float64Array,
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
    const p = queries[first + j]!
    const q = queries[second + j]!
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
  products[0] = p0
  products[1] = p1
  products[2] = p2
  products[3] = p3
  products[4] = q0
  products[5] = q1
  products[6] = q2
  products[7] = q3
}
